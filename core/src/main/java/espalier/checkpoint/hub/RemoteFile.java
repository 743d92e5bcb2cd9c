package espalier.checkpoint.hub;

import java.net.URI;

/**
 * A file as the hub describes it.
 *
 * @param name its path in the repository
 * @param etag the name of its blob in the cache: the SHA-256 of a large file, the git hash of a small one
 * @param location where its bytes are now; this may be another host, and may expire
 */
record RemoteFile(String name, String etag, long bytes, URI location) {}
