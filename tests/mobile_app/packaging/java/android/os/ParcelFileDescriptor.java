package android.os;

import java.io.IOException;

public class ParcelFileDescriptor {
    public static String breaks;
    public static String ended;
    private final int number;

    public ParcelFileDescriptor(int opened) {
        number = opened;
        ended = null;
    }

    public int getFd() {
        return number;
    }

    public void checkError() throws IOException {
        if (breaks != null) {
            throw new IOException(breaks);
        }
    }

    public void close() throws IOException {
        ended = "closed";
    }

    public void closeWithError(String words) throws IOException {
        ended = words;
    }
}
