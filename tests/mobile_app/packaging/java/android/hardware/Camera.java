package android.hardware;

import android.graphics.SurfaceTexture;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;

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

        static List<Size> offered(int... sides) {
            List<Size> sizes = new ArrayList<>();
            for (int i = 0; i < sides.length; i += 2) {
                Size size = new Size();
                size.width = sides[i];
                size.height = sides[i + 1];
                sizes.add(size);
            }
            return sizes;
        }
    }

    public static class Parameters {
        public int format = 842094169;
        public Size size = new Size();
        public boolean locked;

        public List<Size> getSupportedPictureSizes() {
            return Size.offered(640, 480, 1280, 960);
        }

        public List<Size> getSupportedPreviewSizes() {
            return Size.offered(640, 360, 320, 240, 160, 120);
        }

        public List<String> getSupportedFocusModes() {
            return null;
        }

        public void setPreviewSize(int width, int height) {
            size = Size.offered(width, height).get(0);
        }

        public void setPictureSize(int width, int height) {
            if (width != 1280 || height != 960) {
                throw new RuntimeException("not the largest");
            }
        }

        public void setJpegQuality(int quality) {}

        public boolean isAutoExposureLockSupported() {
            return true;
        }

        public boolean isAutoWhiteBalanceLockSupported() {
            return false;
        }

        public void setAutoExposureLock(boolean held) {
            locked = held;
        }

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

    public static Camera held;
    public static String refuses;

    public static Camera open() {
        if (refuses != null || held != null) {
            throw new RuntimeException(refuses);
        }
        return held = new Camera();
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
        copy.locked = parameters.locked;
        return copy;
    }

    public void setParameters(Parameters asked) {
        parameters.format = asked.format;
        parameters.size = asked.size;
        parameters.locked = asked.locked;
    }

    public void release() {
        held = null;
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
        picture(new byte[] {(byte) 0xff, (byte) 0xd8});
    }

    public void picture(byte[] jpeg) {
        picture.onPictureTaken(jpeg, this);
    }

    public void late(byte[] frame) {
        preview.onPreviewFrame(frame, this);
    }

    public void fail(int code) {
        errors.onError(code, this);
    }
}
