package espalier.checkpoint.hub;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import org.jspecify.annotations.Nullable;

/**
 * Compares a file's bytes with its ETag: 64 hex digits are the SHA-256 of a large file (git LFS), 40 are the id that git
 * gives a small one, the SHA-1 of {@code "blob " + size + NUL + bytes}. Anything else says nothing about the bytes.
 */
final class Checksum {
    private final RemoteFile file;
    private final @Nullable MessageDigest digest;
    private long bytes;

    Checksum(RemoteFile file) {
        this.file = file;
        this.digest = switch (file.etag().length()) {
            case 64 -> digest("SHA-256");
            case 40 -> digest("SHA-1");
            default -> null;
        };
        restart();
    }

    /** How many bytes went in. */
    long bytes() {
        return bytes;
    }

    void restart() {
        bytes = 0;
        if (digest != null) {
            digest.reset();
            if (file.etag().length() == 40) {
                digest.update(("blob " + file.bytes() + "\0").getBytes(StandardCharsets.US_ASCII));
            }
        }
    }

    void add(byte[] buffer, int count) {
        bytes += count;
        if (digest != null) {
            digest.update(buffer, 0, count);
        }
    }

    /** Whether all the bytes that went in are the file. Asked once, at the end. */
    boolean matches() {
        return bytes == file.bytes()
                && (digest == null || HexFormat.of().formatHex(digest.digest()).equals(file.etag()));
    }

    private static MessageDigest digest(String algorithm) {
        try {
            return MessageDigest.getInstance(algorithm);
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java platform has " + algorithm, e);
        }
    }
}
