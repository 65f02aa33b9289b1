package android.content;

import android.database.Cursor;
import android.net.Uri;
import android.os.ParcelFileDescriptor;
import java.io.FileNotFoundException;

public abstract class ContentResolver {
    /** The file that Python opened for the next to ask, by its number, and how it is to be opened. */
    public static int opened;
    public static String mode;

    /** As Android's, which apps never see by its own name. */
    public static class Hidden extends ContentResolver {}

    static class Row implements Cursor {
        public boolean moveToFirst() {
            return true;
        }

        public int getColumnIndex(String column) {
            return column.equals("_display_name") ? 0 : column.equals("_size") ? 1 : -1;
        }

        public boolean isNull(int column) {
            return column == 1;
        }

        public String getString(int column) {
            return "tehran.zip";
        }

        public long getLong(int column) {
            return 0;
        }

        public void close() {}
    }

    public final Cursor query(Uri place, String[] columns, String selection, String[] arguments, String order) {
        return new Row();
    }

    public final Cursor query(
            Uri place, String[] columns, String selection, String[] arguments, String order, Object signal) {
        throw new IllegalArgumentException();
    }

    public final ParcelFileDescriptor openFileDescriptor(Uri place, String asked) throws FileNotFoundException {
        if (!asked.equals(mode)) {
            throw new FileNotFoundException("not to be opened for " + asked);
        }
        return new ParcelFileDescriptor(opened);
    }
}
