package espalier.http;

/** What the log says of an answer, in the form of the servers that Python programs run on. */
record AccessLine(String peer, String method, String uri, String version) {

    String text(int status, String reason) {
        return "INFO:     " + peer + " - \"" + method + " " + uri + " " + version + "\" " + status + " " + reason;
    }
}
