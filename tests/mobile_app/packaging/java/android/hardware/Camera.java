package android.hardware;

import android.graphics.SurfaceTexture;
import java.io.IOException;
import java.util.ArrayDeque;

/** What NewestFrame uses of Android's camera, made to fail where Android's would, or where a frame would tear. */
public class Camera {
    public static final int CAMERA_ERROR_UNKNOWN = 1;

    public interface PreviewCallback {
        void onPreviewFrame(byte[] frame, Camera camera);
    }

    public interface PictureCallback {
        void onPictureTaken(byte[] jpeg, Camera camera);
    }

    public interface ErrorCallback {
        void onError(int code, Camera camera);
    }

    public interface ShutterCallback {}

    public static class Size {
        public int width;
        public int height;
    }

    public static class Parameters {
        public int format = 842094169;
        public Size size = new Size();

        public int getPreviewFormat() {
            return format;
        }

        public void setPreviewFormat(int asked) {
            format = asked;
        }

        public Size getPreviewSize() {
            return size;
        }
    }

    public final Parameters parameters = new Parameters();
    public final ArrayDeque<byte[]> empty = new ArrayDeque<>();
    public boolean previewing;
    public boolean broken;
    public SurfaceTexture texture;
    private PreviewCallback preview;
    private PictureCallback picture;
    private ErrorCallback errors;
    private byte next;

    public Parameters getParameters() {
        Parameters copy = new Parameters();
        copy.format = parameters.format;
        copy.size = parameters.size;
        return copy;
    }

    public void setParameters(Parameters asked) {
        parameters.format = asked.format;
    }

    public void setErrorCallback(ErrorCallback callback) {
        errors = callback;
    }

    public void setPreviewTexture(SurfaceTexture shown) throws IOException {
        texture = shown;
    }

    public synchronized void setPreviewCallbackWithBuffer(PreviewCallback callback) {
        preview = callback;
        if (callback == null) {
            empty.clear();
        }
    }

    public synchronized void addCallbackBuffer(byte[] buffer) {
        for (byte[] other : empty) {
            if (other == buffer) {
                throw new IllegalStateException("the same buffer twice");
            }
        }
        empty.add(buffer);
    }

    public void startPreview() {
        if (broken) {
            throw new RuntimeException("startPreview failed");
        }
        previewing = true;
    }

    public void stopPreview() {
        if (broken) {
            throw new RuntimeException("Camera is being used after Camera.release() was called");
        }
        previewing = false;
    }

    public void takePicture(ShutterCallback shutter, PictureCallback raw, PictureCallback jpeg) {
        if (!previewing) {
            throw new RuntimeException("takePicture failed");
        }
        previewing = false;
        picture = jpeg;
    }

    /** One frame, every byte its number; false where no buffer was free. */
    public boolean frame() {
        byte[] buffer;
        synchronized (this) {
            buffer = previewing ? empty.poll() : null;
            next++;
            if (buffer == null || preview == null) {
                return false;
            }
        }
        java.util.Arrays.fill(buffer, next);
        preview.onPreviewFrame(buffer, this);
        return true;
    }

    public void picture() {
        picture.onPictureTaken(new byte[] {(byte) 0xff, (byte) 0xd8}, this);
    }

    public void late(byte[] frame) {
        preview.onPreviewFrame(frame, this);
    }

    public void fail(int code) {
        errors.onError(code, this);
    }
}
