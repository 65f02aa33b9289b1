import android.graphics.ImageFormat;
import android.hardware.Camera;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.HashSet;
import java.util.Set;
import org.edgewbc.NewestFrame;

/** NewestFrame with a camera made of plain Java; ends with an exception where it is wrong. */
public class Rehearsal {
    static void check(boolean right, String what) {
        if (!right) {
            throw new AssertionError(what);
        }
    }

    static Camera opened(NewestFrame frames, int width, int height) throws Exception {
        Camera camera = new Camera();
        camera.parameters.size.width = width;
        camera.parameters.size.height = height;
        frames.start(camera);
        return camera;
    }

    static void newestOnly() throws Exception {
        NewestFrame frames = new NewestFrame();
        Camera camera = opened(frames, 8, 6);
        check(camera.parameters.format == ImageFormat.NV21 && camera.texture != null, "started in NV21 on a texture");
        check(frames.width() == 8 && frames.height() == 6, "size");
        check(frames.take() == null, "nothing there yet");
        for (int i = 0; i < 9; i++) {
            check(camera.frame(), "a buffer is free when nobody takes");
        }
        byte[] ninth = frames.take();
        check(ninth.length == 72 && ninth[0] == 9 && ninth[71] == 9, "the newest of nine");
        check(frames.take() == null, "each frame once");
        for (int i = 0; i < 4; i++) {
            check(camera.frame(), "a buffer is free while one is out");
            check(ninth[0] == 9 && ninth[71] == 9, "what was taken stays as it was");
        }
        check(frames.take()[0] == 13, "the newest again");
        Set<byte[]> free = new HashSet<>(camera.empty);
        check(free.size() == 2, "three buffers go round, one is out");
        camera.late(new byte[5]);
        camera.late(null);
        check(frames.take() == null, "a frame of another size is none");
    }

    static void stills() throws Exception {
        NewestFrame frames = new NewestFrame();
        Camera camera = opened(frames, 8, 6);
        camera.frame();
        frames.still();
        check(frames.takeStill() == null && !camera.previewing, "not there yet");
        camera.picture();
        check(frames.takeStill().length == 2 && frames.takeStill() == null, "each picture once");
        check(camera.previewing && camera.empty.size() == 3 && frames.take() == null, "the preview goes on, anew");
        check(camera.frame() && frames.take() != null, "with frames");
        frames.still();
        camera.broken = true;
        camera.picture();
        check(frames.takeStill() != null, "the picture is kept");
        check(frames.takeError() == Camera.CAMERA_ERROR_UNKNOWN && frames.takeError() == 0, "and the fault told, once");
        camera.fail(2);
        check(frames.takeError() == 2, "another app took the camera");
    }

    static void stopped() throws Exception {
        NewestFrame frames = new NewestFrame();
        frames.stop();
        Camera camera = opened(frames, 8, 6);
        camera.frame();
        frames.stop();
        frames.stop();
        check(!camera.previewing && camera.empty.isEmpty() && frames.take() == null, "nothing goes on");
        frames.onPreviewFrame(new byte[72], camera);
        frames.onPictureTaken(new byte[2], camera);
        check(frames.take() == null && frames.takeStill() == null, "what comes late is let go");
        Camera other = opened(frames, 4, 4);
        check(other.frame() && frames.take().length == 24 && frames.width() == 4, "another camera, another size");
        frames.onError(2, camera);
        check(frames.takeError() == 0, "what the one before reports late is not this one's");
        other.broken = true;
        try {
            frames.stop();
            check(false, "a dead service says so");
        } catch (RuntimeException dead) {
            check(frames.take() == null, "and is let go of nonetheless");
        }
        Camera third = opened(frames, 8, 6);
        check(third.frame() && frames.take().length == 72, "the next camera starts");
    }

    static void twoThreads() throws Exception {
        for (Method method : NewestFrame.class.getDeclaredMethods()) { // the race itself is too rare to wait for
            boolean inside = !Modifier.isPublic(method.getModifiers());
            check(inside || Modifier.isSynchronized(method.getModifiers()), method + " is not synchronised");
        }
        NewestFrame frames = new NewestFrame();
        Camera camera = opened(frames, 64, 48);
        Thread filling = new Thread(() -> {
            for (int i = 0; i < 20000; i++) {
                camera.frame();
            }
        });
        filling.start();
        int seen = 0;
        while (filling.isAlive()) {
            byte[] frame = frames.take();
            for (int i = 0; frame != null && i < frame.length; i++) {
                check(frame[i] == frame[0], "a torn frame");
            }
            seen += frame == null ? 0 : 1;
        }
        check(seen > 0, "frames came");
    }

    public static void main(String[] arguments) throws Exception {
        newestOnly();
        stills();
        stopped();
        twoThreads();
        System.out.println("rehearsed");
    }
}
