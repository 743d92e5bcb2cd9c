package espalier.checkpoint.hub;

import espalier.api.EngineFault;
import espalier.checkpoint.ModelFolder;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * One model in the cache that Espalier shares with the huggingface_hub library:
 *
 * <pre>
 * models--org--name/
 *   refs/main                     the commit that the branch stood for when it was last asked for
 *   blobs/ETAG                    a file's bytes; ETAG.incomplete while they come
 *   snapshots/COMMIT/config.json  → ../../blobs/ETAG, or a copy where links cannot be made
 *   listings/COMMIT               the paths of all files in the repository then, a line each; of Espalier alone
 * .locks/models--org--name/ETAG.lock
 * </pre>
 *
 * A reference is written after the last file, so that an interrupted download is never taken for a model. A listing is what
 * tells that a snapshot holds another choice of files than the one that is asked for now.
 */
final class HubCache {
    private static final Pattern COMMIT = Pattern.compile("[0-9a-f]{40}");
    private static final long LOCK_POLL_MILLIS = 50;

    private final HubRequest request;
    private final Path folder;
    private final Path locks;
    private final Linker linker;

    /** Makes a symbolic link, if that is possible here. */
    interface Linker {
        void link(Path link, Path target) throws IOException;
    }

    HubCache(HubRequest request, Linker linker) {
        String name = "models--" + request.model().replace("/", "--");
        this.request = request;
        this.folder = request.access().cacheFolder().resolve(name);
        this.locks = request.access().cacheFolder().resolve(".locks").resolve(name);
        this.linker = linker;
    }

    Path blob(RemoteFile file) {
        return folder.resolve("blobs").resolve(file.etag());
    }

    Path incomplete(RemoteFile file) {
        return folder.resolve("blobs").resolve(file.etag() + ".incomplete");
    }

    boolean has(RemoteFile file) throws IOException {
        Path blob = blob(file);
        return Files.isRegularFile(blob) && Files.size(blob) == file.bytes();
    }

    /** The bytes of a file that are here, whole or in part. */
    long bytesOf(RemoteFile file) throws IOException {
        if (has(file)) {
            return file.bytes();
        }
        try {
            return Math.min(file.bytes(), Files.size(incomplete(file)));
        } catch (NoSuchFileException e) {
            // Nothing has begun, or another download has just made it whole.
            return has(file) ? file.bytes() : 0;
        }
    }

    Path snapshot(String commit) {
        return folder.resolve("snapshots").resolve(commit);
    }

    /** The snapshot of the requested revision, as far as it was ever downloaded. */
    Optional<Path> cached() {
        String revision = request.revision();
        if (COMMIT.matcher(revision).matches()) {
            return Optional.of(snapshot(revision)).filter(Files::isDirectory);
        }
        Path ref = folder.resolve("refs").resolve(revision);
        try {
            return Files.isRegularFile(ref)
                    ? Optional.of(snapshot(Files.readString(ref).strip())).filter(Files::isDirectory)
                    : Optional.empty();
        } catch (IOException e) {
            throw HubErrors.fault(ref + ": cannot be read: " + e);
        }
    }

    /** Whether the request asks for a commit, which never changes. */
    boolean isFixed() {
        return COMMIT.matcher(request.revision()).matches();
    }

    /** What a snapshot lacks to be served, as a sentence; nothing where it is whole. */
    Optional<String> lack(Path snapshot) {
        try {
            List<String> here = names(snapshot);
            if (WantedFiles.isGguf(request, here)) {
                var _ = model(snapshot);
            } else if (request.wanted() == HubRequest.Wanted.TOKENIZER) {
                return Files.isRegularFile(snapshot.resolve("tokenizer.json"))
                        ? Optional.empty()
                        : Optional.of(snapshot + ": no tokenizer.json");
            } else {
                ModelFolder model = ModelFolder.open(snapshot);
                if (request.wanted() == HubRequest.Wanted.EVERYTHING) {
                    model.checkWeightFiles();
                }
            }
            return listed(snapshot).flatMap(all -> otherChoice(all, here));
        } catch (EngineFault e) {
            return Optional.of(e.getMessage());
        }
    }

    /** Of the repository's files, whether those that serve now are others than those that an earlier request chose. */
    private Optional<String> otherChoice(List<String> all, List<String> here) {
        return WantedFiles.of(request, all).stream()
                .filter(wanted -> !here.contains(wanted))
                .findFirst()
                .map(wanted -> request.model() + " would be served from " + wanted + ", which is not cached"
                        + here.stream()
                                .filter(name -> name.endsWith(".gguf"))
                                .findFirst()
                                .map(name -> "; --gguf-file " + name + " is")
                                .orElse(""));
    }

    /** Whether it is known that a snapshot which lacks nothing is what the hub would give. */
    boolean isCertain(Path snapshot) {
        return listed(snapshot).isPresent()
                || !(request.gguf() instanceof GgufChoice.Unsaid)
                || !WantedFiles.isGguf(request, names(snapshot));
    }

    /** The files of the snapshot's repository; nothing where another program downloaded it. */
    private Optional<List<String>> listed(Path snapshot) {
        Path listing = listing(String.valueOf(snapshot.getFileName()));
        try {
            return Files.isRegularFile(listing) ? Optional.of(Files.readAllLines(listing)) : Optional.empty();
        } catch (IOException e) {
            throw HubErrors.fault(listing + ": cannot be read: " + e);
        }
    }

    private Path listing(String commit) {
        return folder.resolve("listings").resolve(commit);
    }

    /** What is served of a folder: itself, or the first file of a GGUF model in it. */
    Path model(Path folder) {
        return WantedFiles.isGguf(request, names(folder))
                ? GgufFiles.in(folder, request.gguf()).orElse(folder)
                : folder;
    }

    /** The files in a folder and in those below it, as the hub writes their paths. */
    static List<String> names(Path folder) {
        try (Stream<Path> files = Files.walk(folder)) {
            return files.filter(Files::isRegularFile)
                    .map(file -> folder.relativize(file).toString().replace('\\', '/'))
                    .sorted()
                    .toList();
        } catch (IOException | UncheckedIOException e) {
            throw HubErrors.fault(folder + ": cannot be listed: " + e);
        }
    }

    /** Makes the file appear in the snapshot. */
    void link(RemoteFile file, String commit) throws IOException {
        Path link = snapshot(commit).resolve(file.name());
        Path parent = java.util.Objects.requireNonNull(link.getParent());
        Files.createDirectories(parent);
        if (Files.exists(link) && Files.size(link) == file.bytes()) {
            return;
        }
        Files.deleteIfExists(link);
        Path blob = blob(file);
        try {
            linker.link(link, parent.relativize(blob));
        } catch (FileAlreadyExistsException e) {
            // Another process made the same link just now.
            return;
        } catch (FileSystemException | UnsupportedOperationException e) {
            Path copy = Files.createTempFile(parent, ".copy", null);
            Files.copy(blob, copy, StandardCopyOption.REPLACE_EXISTING);
            Files.move(copy, link, StandardCopyOption.ATOMIC_MOVE);
        }
    }

    /** Notes what the revision stands for. */
    void writeRef(String commit) throws IOException {
        if (request.revision().equals(commit)) {
            return;
        }
        write(folder.resolve("refs").resolve(request.revision()), commit);
    }

    /** Notes which files the repository has. */
    void writeListing(String commit, Collection<String> names) throws IOException {
        write(listing(commit), String.join("\n", names));
    }

    private static void write(Path file, String text) throws IOException {
        Path parent = java.util.Objects.requireNonNull(file.getParent());
        Files.createDirectories(parent);
        Path fresh = Files.createTempFile(parent, ".fresh", null);
        Files.writeString(fresh, text);
        Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    Path makeFolders() throws IOException {
        Files.createDirectories(locks);
        return Files.createDirectories(folder.resolve("blobs"));
    }

    /** Waits until no other download of Espalier, here or in another process, writes this blob. */
    FileChannel lock(RemoteFile file) throws IOException {
        Path path = locks.resolve(file.etag() + ".lock");
        FileChannel channel = FileChannel.open(path, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        boolean locked = false;
        try {
            while (!tryLock(channel)) {
                Thread.sleep(LOCK_POLL_MILLIS);
            }
            locked = true;
            return channel;
        } catch (InterruptedException e) {
            throw Limits.interrupted();
        } finally {
            if (!locked) {
                channel.close();
            }
        }
    }

    /** The lock lives as long as its channel. */
    private static boolean tryLock(FileChannel channel) throws IOException {
        try {
            FileLock lock = channel.tryLock();
            return lock != null;
        } catch (OverlappingFileLockException e) {
            // Held by another thread of this process.
            return false;
        }
    }
}
