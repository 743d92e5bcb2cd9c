package espalier.checkpoint.hub;

import espalier.api.EngineFault;
import espalier.base.Nearest;
import java.io.IOException;
import java.net.ConnectException;
import java.net.UnknownHostException;
import java.net.http.HttpConnectTimeoutException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Turns what {@code --model-path} says into a folder, or into a GGUF file: itself where it is one; else a hub id's snapshot in
 * the local cache, downloaded first where it is missing or has changed. A commit that is cached whole needs no network; nor does any
 * revision when the hub cannot be reached.
 */
public final class HubSource {
    /** {@code name} or {@code org/name}; with nothing in it that would leave the cache's folder. */
    private static final Pattern ID = Pattern.compile("(?:[\\w][\\w.-]*/)?[\\w][\\w.-]{0,95}");

    private static final Pattern REVISION = Pattern.compile("[\\w][\\w.+-]*(?:/[\\w][\\w.+-]*)*");

    private final HubRequest request;
    private final Limits limits;
    private final HubCache cache;

    HubSource(HubRequest request, Limits limits, HubCache.Linker linker) {
        this.request = request;
        this.limits = limits;
        this.cache = new HubCache(request, linker);
    }

    /**
     * The folder with the model's files, or the first file of a GGUF model.
     *
     * @throws EngineFault CHECKPOINT where there is no such model, no right to it, or no way to it; RESOURCE where the disk
     *     is too small
     */
    public static Path resolve(HubRequest request) {
        return new HubSource(request, Limits.DEFAULT, Files::createSymbolicLink).resolve();
    }

    /**
     * What is at that path on this machine, if anything is; it needs no {@link HubAccess}. Whether a file or a poor folder,
     * its own reader says best what is wrong with it.
     */
    public static Optional<Path> local(String model) {
        return Optional.ofNullable(folder(model)).filter(Files::exists);
    }

    /**
     * What is served of that path on this machine: itself, or a GGUF model in it.
     *
     * @throws EngineFault CHECKPOINT where a GGUF model is asked for that is not in the folder
     */
    public static Path chosen(Path path, GgufChoice gguf) {
        if (gguf instanceof GgufChoice.Unsaid) {
            return path;
        }
        if (!Files.isDirectory(path)) {
            throw HubErrors.fault(path + ": a file, of which --gguf-file chooses nothing; leave it away");
        }
        return GgufFiles.in(path, gguf).orElse(path);
    }

    Path resolve() {
        Optional<Path> local = local(request.model());
        if (local.isPresent()) {
            return chosen(local.get(), request.gguf());
        }
        if (!ID.matcher(request.model()).matches() || request.model().contains("..")) {
            throw HubErrors.fault(
                    request.model() + ": no such folder or file, and not a hub id such as org/name" + hint());
        }
        if (!REVISION.matcher(request.revision()).matches()
                || request.revision().contains("..")) {
            throw HubErrors.fault("revision '" + request.revision() + "' is not a branch, a tag or a commit");
        }
        Optional<Path> cached = cache.cached();
        Optional<Path> whole = cached.filter(snapshot -> cache.lack(snapshot).isEmpty());
        if (request.access().mode() == HubAccess.Mode.OFFLINE) {
            return cache.model(whole.orElseThrow(() -> offline(cached, "HF_HUB_OFFLINE is set")));
        }
        Optional<Path> certain = whole.filter(snapshot -> cache.isFixed() && cache.isCertain(snapshot));
        return cache.model(certain.orElseGet(() -> download(cached, whole)));
    }

    private Path download(Optional<Path> cached, Optional<Path> whole) {
        request.progress()
                .asking(request.access().endpoint() + " for " + request.model()
                        + (whole.isPresent() ? "" : ", which is no folder or file here"));
        try (HubClient client = new HubClient(request, limits)) {
            HubClient.Listing listing;
            try {
                listing = list(client, whole.isPresent() ? limits.impatience() : limits.patience());
            } catch (IOException e) {
                String reason = request.access().endpoint() + " cannot be reached (" + BlobDownload.reason(e) + ")";
                whole.ifPresent(snapshot -> request.progress().note(reason + "; using the cached " + request.model()));
                return whole.orElseThrow(() -> offline(cached, reason));
            }
            return download(client, listing);
        }
    }

    private HubClient.Listing list(HubClient client, Limits.Patience patience) throws IOException {
        while (true) {
            try {
                return client.list();
            } catch (IOException e) {
                if (isOutOfReach(e)) {
                    throw e; // no name, no way or no answer: waiting helps the wrong address little
                }
                patience.failed(e);
            }
        }
    }

    /** Whether no connection came about at all. */
    private static boolean isOutOfReach(IOException failure) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof ConnectException
                    || cause instanceof UnknownHostException
                    || cause instanceof HttpConnectTimeoutException) {
                return true;
            }
        }
        return false;
    }

    private Path download(HubClient client, HubClient.Listing listing) {
        try {
            Path blobs = cache.makeFolders();
            List<String> names =
                    WantedFiles.of(request, List.copyOf(listing.bytes().keySet()));
            List<RemoteFile> files = inParallel(names, name -> describe(client, listing, name));
            // One blob may be several files: it comes once.
            Map<String, RemoteFile> missing = new LinkedHashMap<>();
            for (RemoteFile file : files) {
                if (!cache.has(file)) {
                    missing.put(file.etag(), file);
                }
            }
            fetch(client, listing, blobs, List.copyOf(missing.values()));
            cache.writeListing(listing.commit(), listing.bytes().keySet());
            for (RemoteFile file : files) {
                cache.link(file, listing.commit());
            }
            cache.writeRef(listing.commit());
            return cache.snapshot(listing.commit());
        } catch (IOException e) {
            throw new EngineFault(
                    EngineFault.Code.CHECKPOINT,
                    request.model() + ": the download failed: " + BlobDownload.reason(e)
                            + "; what is here is kept, and the next start goes on from it",
                    e);
        }
    }

    private RemoteFile describe(HubClient client, HubClient.Listing listing, String name) throws IOException {
        Limits.Patience patience = limits.patience();
        while (true) {
            try {
                return client.describe(listing, name);
            } catch (IOException e) {
                patience.failed(e);
            }
        }
    }

    private void fetch(HubClient client, HubClient.Listing listing, Path blobs, List<RemoteFile> missing)
            throws IOException {
        Map<RemoteFile, Long> here = new LinkedHashMap<>();
        long needed = 0;
        for (RemoteFile file : missing) {
            here.put(file, cache.bytesOf(file));
            needed += file.bytes() - cache.bytesOf(file);
        }
        long free = limits.freeSpace().of(blobs);
        if (free < needed) {
            throw new EngineFault(
                    EngineFault.Code.RESOURCE,
                    request.model() + ": " + ProgressBar.size(needed) + " are to be downloaded, but only "
                            + ProgressBar.size(free) + " are free in "
                            + request.access().cacheFolder()
                            + "; free some space, or name a folder on a larger disk by --download-dir or HF_HOME");
        }
        Tally tally = new Tally(request.progress(), System::nanoTime, here);
        BlobDownload download = new BlobDownload(client, listing, cache, limits, tally);
        inParallel(missing, file -> {
            download.run(file);
            return file;
        });
    }

    private interface Task<I, O> {
        O run(I input) throws IOException;
    }

    /** All results in order; the first failure stops the rest. */
    private <I, O> List<O> inParallel(List<I> inputs, Task<I, O> task) throws IOException {
        ExecutorService threads = Executors.newFixedThreadPool(
                limits.files(), Thread.ofVirtual().name("download").factory());
        try {
            ExecutorCompletionService<O> running = new ExecutorCompletionService<>(threads);
            List<java.util.concurrent.Future<O>> results = new ArrayList<>();
            for (I input : inputs) {
                Callable<O> call = () -> task.run(input);
                results.add(running.submit(call));
            }
            for (int i = 0; i < inputs.size(); i++) {
                outcome(running.take());
            }
            List<O> outputs = new ArrayList<>();
            for (var result : results) {
                outputs.add(outcome(result));
            }
            return outputs;
        } catch (InterruptedException e) {
            throw Limits.interrupted();
        } finally {
            threads.shutdownNow();
            threads.close();
        }
    }

    private static <O> O outcome(java.util.concurrent.Future<O> result) throws IOException, InterruptedException {
        try {
            return result.get();
        } catch (ExecutionException e) {
            switch (e.getCause()) {
                case IOException cause -> throw cause;
                case RuntimeException cause -> throw cause;
                case Error cause -> throw cause;
                case null, default -> throw new AssertionError("a task throws no other exception", e);
            }
        }
    }

    private EngineFault offline(Optional<Path> cached, String reason) {
        return HubErrors.fault(request.model() + ": " + reason + ", and revision '" + request.revision() + "' is "
                + cached.flatMap(cache::lack)
                        .map(lack -> "cached only in part (" + lack + ")")
                        .orElse("not in the cache " + request.access().cacheFolder())
                + "; name a folder or a GGUF file that is here, or another hub by HF_ENDPOINT"
                + hint());
    }

    /** A folder here whose name is nearly that, for a name that is no hub id at first sight. */
    private String hint() {
        Path folder = folder(request.model());
        return folder == null ? "" : neighbour(folder);
    }

    private static @Nullable Path folder(String model) {
        try {
            return Path.of(model);
        } catch (InvalidPathException e) {
            return null;
        }
    }

    /** A folder beside the one that is missing, of almost that name. */
    private static String neighbour(Path folder) {
        Path parent = folder.toAbsolutePath().getParent();
        if (parent == null || !Files.isDirectory(parent)) {
            return "";
        }
        try (Stream<Path> beside = Files.list(parent)) {
            List<String> names = beside.filter(Files::isDirectory)
                    .map(path -> String.valueOf(path.getFileName()))
                    .toList();
            return Nearest.to(String.valueOf(folder.getFileName()), names)
                    .map(name -> "; did you mean " + folder.resolveSibling(name) + "?")
                    .orElse("");
        } catch (IOException e) {
            // A hint that cannot be found is left out.
            return "";
        }
    }
}
