package espalier.http;

/** Who may call an endpoint. */
public enum Access {
    /** Whoever holds the API key, where one is set. */
    USER,
    /** Whoever holds the administrator's key; where none is set, the API key. */
    ADMIN
}
