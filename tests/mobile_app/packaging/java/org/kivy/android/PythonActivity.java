package org.kivy.android;

import android.content.ContentResolver;
import android.content.Intent;
import android.net.Uri;

/** Python-for-android's, as far as its module `android.activity` and the choosing of files go. */
public class PythonActivity {
    public static PythonActivity mActivity = new PythonActivity();

    public interface NewIntentListener {
        void onNewIntent(Intent intent);
    }

    public interface ActivityResultListener {
        void onActivityResult(int number, int result, Intent intent);
    }

    public Intent asked;
    public int number;
    private ActivityResultListener listener;

    public void registerActivityResultListener(ActivityResultListener told) {
        listener = told;
    }

    public ContentResolver getContentResolver() {
        return new ContentResolver.Hidden();
    }

    public void startActivityForResult(Intent intent, int code) {
        asked = intent;
        number = code;
    }

    public void startActivityForResult(Intent intent, int code, Object options) {
        throw new IllegalArgumentException();
    }

    /** On a thread of Java's, as Android answers. */
    public void answer(final int result) {
        new Thread() {
            @Override
            public void run() {
                Intent intent = new Intent();
                intent.data = new Uri();
                listener.onActivityResult(number, result, result == 0 ? null : intent);
            }
        }.start();
    }
}
