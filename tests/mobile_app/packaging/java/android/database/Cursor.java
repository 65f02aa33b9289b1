package android.database;

public interface Cursor {
    boolean moveToFirst();

    int getColumnIndex(String column);

    boolean isNull(int column);

    String getString(int column);

    long getLong(int column);

    void close();
}
