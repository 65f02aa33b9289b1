package android.provider;

import android.content.ContentResolver;
import android.net.Uri;

public class DocumentsContract {
    public static int removed;

    public static boolean deleteDocument(ContentResolver resolver, Uri place) {
        removed++;
        return true;
    }
}
