package org.edgewbc;

import android.graphics.ImageFormat;
import android.graphics.SurfaceTexture;
import android.hardware.Camera;
import java.io.IOException;

/**
 * The camera's newest preview frame, its still pictures and its errors, kept until Python asks.
 *
 * <p>Android calls back on its main thread; Python asks from its own, and pays for no frame that it does not take.
 * Three buffers go round: one the camera fills, one waits, one is with whoever took it.
 *
 * <pre>
 * frames = NewestFrame()                look the class up on Python's main thread
 * frames.start(camera)                  sizes set beforehand; starts the preview
 * frames.take()                         NV21 of width() x height(), or null: nothing new
 * frames.still(); frames.takeStill()    the JPEG, or null: not there yet; the preview goes on by itself
 * frames.takeError()                    Camera.CAMERA_ERROR_*, or 0
 * frames.stop()                         before camera.release()
 * </pre>
 *
 * <p>Deprecated as it is, android.hardware.Camera is what the phones of 2014 drive well, and later ones still have it.
 */
public final class NewestFrame
        implements Camera.PreviewCallback, Camera.PictureCallback, Camera.ErrorCallback {
    private static final int BUFFERS = 3;

    // Unreferenced, it would be collected, and the preview would stop without a word.
    private final SurfaceTexture texture = new SurfaceTexture(0);
    private Camera camera;
    private byte[] newest;
    private byte[] taken;
    private byte[] still;
    private int width;
    private int height;
    private int error;

    /** Starts the preview at the size that the camera's parameters name, in NV21; again after a change of size. */
    public synchronized void start(Camera opened) throws IOException {
        Camera.Parameters parameters = opened.getParameters();
        if (parameters.getPreviewFormat() != ImageFormat.NV21) {
            parameters.setPreviewFormat(ImageFormat.NV21);
            opened.setParameters(parameters);
        }
        Camera.Size size = parameters.getPreviewSize();
        width = size.width;
        height = size.height;
        camera = opened;
        error = 0;
        opened.setErrorCallback(this);
        opened.setPreviewTexture(texture);
        preview();
    }

    /** The newest frame not taken before, or null. The array is the caller's until the next take, start or stop. */
    public synchronized byte[] take() {
        if (newest == null) {
            return null;
        }
        if (taken != null) {
            camera.addCallbackBuffer(taken);
        }
        taken = newest;
        newest = null;
        return taken;
    }

    /** Pixels across a frame. */
    public synchronized int width() {
        return width;
    }

    /** Pixels down a frame; NV21 is width x height of brightness, then half as many bytes of V and U in turn. */
    public synchronized int height() {
        return height;
    }

    /** Asks for a picture at the parameters' picture size; no frames come until it is there. */
    public synchronized void still() {
        still = null;
        camera.takePicture(null, null, this);
    }

    /** The JPEG asked for, once, or null. */
    public synchronized byte[] takeStill() {
        byte[] jpeg = still;
        still = null;
        return jpeg;
    }

    /** What the camera reported last, once: Camera.CAMERA_ERROR_SERVER_DIED, _UNKNOWN, or 2 (another app took it). */
    public synchronized int takeError() {
        int last = error;
        error = 0;
        return last;
    }

    /** Stops the preview and lets the camera go, which may be released then. */
    public synchronized void stop() {
        if (camera == null) {
            return;
        }
        Camera stopped = camera;
        camera = null; // first: where the service has died, the calls below throw
        newest = null;
        taken = null;
        still = null;
        stopped.setPreviewCallbackWithBuffer(null);
        stopped.stopPreview();
    }

    @Override
    public synchronized void onPreviewFrame(byte[] frame, Camera from) {
        // Null where the camera had no room; of another length where it was under way when the size changed.
        if (frame == null || from != camera || frame.length != length()) {
            return;
        }
        if (newest != null) {
            camera.addCallbackBuffer(newest);
        }
        newest = frame;
    }

    @Override
    public synchronized void onPictureTaken(byte[] jpeg, Camera from) {
        if (from != camera) {
            return;
        }
        still = jpeg;
        try {
            preview();
        } catch (RuntimeException gone) { // on Android's main thread, where it would end the app
            error = Camera.CAMERA_ERROR_UNKNOWN;
        }
    }

    @Override
    public synchronized void onError(int code, Camera from) {
        if (from == camera) {
            error = code;
        }
    }

    private int length() {
        return width * height * ImageFormat.getBitsPerPixel(ImageFormat.NV21) / 8;
    }

    // Fresh buffers each time: some cameras drop those they had when a picture is taken.
    private void preview() {
        newest = null;
        taken = null;
        camera.setPreviewCallbackWithBuffer(null);
        for (int i = 0; i < BUFFERS; i++) {
            camera.addCallbackBuffer(new byte[length()]);
        }
        camera.setPreviewCallbackWithBuffer(this);
        camera.startPreview();
    }
}
