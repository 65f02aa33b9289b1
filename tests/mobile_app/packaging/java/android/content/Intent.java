package android.content;

import android.net.Uri;
import java.io.Serializable;

/** With the overloads among which pyjnius chooses. */
public class Intent {
    public static final String ACTION_OPEN_DOCUMENT = "OPEN";
    public static final String ACTION_CREATE_DOCUMENT = "CREATE";
    public static final String CATEGORY_OPENABLE = "OPENABLE";
    public static final String EXTRA_TITLE = "TITLE";

    public String action;
    public String category;
    public String type;
    public String title;
    public Uri data;

    public Intent() {}

    public Intent(Intent other) {}

    public Intent(String asked) {
        action = asked;
    }

    public Intent(String asked, Uri place) {}

    public Intent addCategory(String asked) {
        category = asked;
        return this;
    }

    public Intent setType(String asked) {
        type = asked;
        return this;
    }

    public Intent putExtra(String name, String value) {
        title = value;
        return this;
    }

    public Intent putExtra(String name, CharSequence value) {
        throw new IllegalArgumentException("as a sequence");
    }

    public Intent putExtra(String name, Serializable value) {
        throw new IllegalArgumentException("as what can be serialised");
    }

    public Intent putExtra(String name, char[] value) {
        throw new IllegalArgumentException("as characters");
    }

    public Intent putExtra(String name, int value) {
        throw new IllegalArgumentException("as a number");
    }

    public Uri getData() {
        return data;
    }
}
