package espalier.checkpoint.hub;

import static espalier.checkpoint.hub.Downloads.assertFault;
import static espalier.checkpoint.hub.Downloads.names;
import static org.assertj.core.api.Assertions.assertThat;

import espalier.api.EngineFault;
import espalier.checkpoint.ModelFolder;
import espalier.checkpoint.hub.FakeHub.Access;
import espalier.checkpoint.hub.FakeHub.Trouble;
import espalier.golden.GoldenModels;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HubSourceTest {
    private static final Path GOLDEN = GoldenModels.root().resolve("llama2-bf16");
    private static final String FIRST = "model-00001-of-00002.safetensors";
    private static final String SECOND = "model-00002-of-00002.safetensors";
    private static final Limits QUICK =
            new Limits(4, Duration.ofMillis(1), Duration.ofSeconds(30), 4, folder -> Long.MAX_VALUE);

    @TempDir
    Path temporary;

    private final FakeHub hub = new FakeHub();
    private final Downloads.Heard heard = new Downloads.Heard();
    private Path cache;
    private Path model;

    @BeforeEach
    void publish() throws IOException {
        cache = temporary.resolve("hub");
        model = cache.resolve("models--org--tiny");
        for (String name : List.of("config.json", "model.safetensors.index.json", FIRST, SECOND)) {
            hub.with(name, Files.readAllBytes(GOLDEN.resolve(name)));
        }
        hub.with("tokenizer.json", "{}")
                .with("chat_template.jinja", "{{ messages }}")
                .with("additional_chat_templates/tool_use.jinja", "{{ tools }}")
                .with("pytorch_model.bin", "useless")
                .with("pytorch_model.bin.index.json", "{}")
                .with("trainer_state.json", "{}")
                .with("onnx/model.onnx", "useless")
                .with("README.md", "useless")
                .with(".gitattributes", "useless");
    }

    @AfterEach
    void close() {
        hub.close();
    }

    @Test
    void aModelIsDownloadedIntoTheLayoutOfTheSharedCache() throws IOException {
        Path snapshot = resolve();
        assertThat(snapshot).isEqualTo(model.resolve("snapshots/" + FakeHub.COMMIT));
        assertThat(model.resolve("refs/main")).hasContent(FakeHub.COMMIT);
        byte[] config = Files.readAllBytes(GOLDEN.resolve("config.json"));
        byte[] weights = Files.readAllBytes(GOLDEN.resolve(FIRST));
        assertThat(Files.readSymbolicLink(snapshot.resolve("config.json")))
                .hasToString("../../blobs/" + FakeHub.etag("config.json", config));
        assertThat(Files.readSymbolicLink(snapshot.resolve(FIRST)))
                .hasToString("../../blobs/" + FakeHub.etag(FIRST, weights));
        assertThat(Files.readSymbolicLink(snapshot.resolve("additional_chat_templates/tool_use.jinja")))
                .asString()
                .startsWith("../../../blobs/");
        assertThat(snapshot.resolve(FIRST)).hasBinaryContent(weights);
        assertThat(names(snapshot))
                .containsExactlyInAnyOrder(
                        "additional_chat_templates",
                        "chat_template.jinja",
                        "config.json",
                        FIRST,
                        SECOND,
                        "model.safetensors.index.json",
                        "tokenizer.json");
        assertThat(names(model.resolve("blobs"))).hasSize(7).noneMatch(name -> name.endsWith(".incomplete"));
        assertThat(ModelFolder.open(snapshot).name()).isEqualTo("org/tiny");
        try (var checkpoint = ModelFolder.open(snapshot).checkpoint()) {
            assertThat(checkpoint.names()).contains("lm_head.weight");
        }
    }

    @Test
    void progressEndsWithEverythingAndNeverGoesBack() {
        resolve();
        assertThat(heard.transfers).isNotEmpty();
        long before = 0;
        for (DownloadProgress.Transfer transfer : heard.transfers) {
            assertThat(transfer.allDone()).isGreaterThanOrEqualTo(before);
            assertThat(transfer.fileDone()).isLessThanOrEqualTo(transfer.fileBytes());
            before = transfer.allDone();
        }
        assertThat(heard.transfers.getLast().allDone())
                .isEqualTo(heard.transfers.getLast().allBytes());
        assertThat(heard.notes).isEmpty();
    }

    @Test
    void whatIsCachedIsNotDownloadedAgain() {
        Path once = resolve();
        hub.seen.clear();
        assertThat(resolve()).isEqualTo(once);
        assertThat(hub.seen)
                .as("listing and headers")
                .isNotEmpty()
                .noneMatch(seen -> seen.host().equals("content"));
        hub.seen.clear();
        assertThat(resolve(request(FakeHub.COMMIT, online()))).isEqualTo(once);
        assertThat(hub.seen).as("a commit never changes").isEmpty();
        assertThat(resolve(request("main", offline()))).isEqualTo(once);
        assertThat(hub.seen).isEmpty();
    }

    @Test
    void aRevisionWithSlashesIsKeptAsTheSharedCacheKeepsIt() {
        resolve(request("refs/pr/1", online()));
        assertThat(model.resolve("refs/refs/pr/1")).hasContent(FakeHub.COMMIT);
        assertThat(hub.seen.element().path()).isEqualTo("/api/models/org/tiny/revision/refs/pr/1");
    }

    @Test
    void theTokenGoesToTheHubAndToNoOtherHost() {
        hub.access = Access.TOKEN;
        resolve(request("main", online().withToken("secret")));
        assertThat(hub.seen).anyMatch(seen -> seen.host().equals("content"));
        assertThat(hub.seen).allMatch(seen -> seen.token() == seen.host().equals("hub"));
    }

    @Test
    void aCutConnectionGoesOnFromWhereItWasCut() {
        hub.trouble(FIRST, new Trouble.CutAfter(1000), new Trouble.CutAfter(2000));
        hub.trouble("tokenizer.json", new Trouble.CutAfter(1));
        Path snapshot = resolve();
        assertThat(snapshot.resolve(FIRST)).hasSameBinaryContentAs(GOLDEN.resolve(FIRST));
        assertThat(hub.downloads(FIRST)).containsExactly("null", "bytes=1000-", "bytes=3000-");
        assertThat(heard.notes).anyMatch(note -> note.contains(FIRST) && note.contains("going on from byte 3000"));
    }

    @Test
    void anOutageAfterACutIsWaitedForToo() {
        hub.trouble(FIRST, new Trouble.CutAfter(1000));
        hub.trouble("HEAD " + FIRST, new Trouble.Fine(), new Trouble.Status(503), new Trouble.Status(503));
        assertThat(resolve().resolve(FIRST)).hasSameBinaryContentAs(GOLDEN.resolve(FIRST));
        assertThat(hub.downloads(FIRST)).containsExactly("null", "bytes=1000-");
    }

    @Test
    void theNextProcessGoesOnFromWhereThisOneStopped() throws IOException {
        Trouble[] cuts = new Trouble[] {
            new Trouble.CutAfter(500), new Trouble.Status(500), new Trouble.Status(404), new Trouble.Status(403)
        };
        hub.trouble(FIRST, cuts);
        assertFault(this::resolve).hasMessageContainingAll("the download failed", "goes on from it");
        assertThat(model.resolve("refs/main")).doesNotExist();
        hub.seen.clear();
        Path snapshot = resolve();
        assertThat(hub.downloads(FIRST)).containsExactly("bytes=500-");
        assertThat(snapshot.resolve(FIRST)).hasSameBinaryContentAs(GOLDEN.resolve(FIRST));
        DownloadProgress.Transfer last = heard.transfers.getLast();
        assertThat(last.allDone()).isEqualTo(last.allBytes());
    }

    @Test
    void aServerWithoutRangesStartsOver() {
        hub.trouble(FIRST, new Trouble.CutAfter(1000), new Trouble.NoRanges());
        assertThat(resolve().resolve(FIRST)).hasSameBinaryContentAs(GOLDEN.resolve(FIRST));
        DownloadProgress.Transfer last = heard.transfers.getLast();
        assertThat(last.allDone()).isEqualTo(last.allBytes());
    }

    @Test
    void aConnectionThatStallsIsReplaced() {
        hub.trouble(SECOND, new Trouble.StallAfter(3000));
        Limits alert = new Limits(4, Duration.ofMillis(1), Duration.ofMillis(200), 4, folder -> Long.MAX_VALUE);
        Path snapshot = new HubSource(request("main", online()), alert, Files::createSymbolicLink).resolve();
        assertThat(snapshot.resolve(SECOND)).hasSameBinaryContentAs(GOLDEN.resolve(SECOND));
        assertThat(hub.downloads(SECOND)).contains("bytes=3000-");
    }

    @Test
    void aListingThatStallsIsAskedForAgain() {
        hub.trouble("listing", new Trouble.StallAfter(20));
        Limits alert = new Limits(4, Duration.ofMillis(1), Duration.ofMillis(200), 4, folder -> Long.MAX_VALUE);
        assertThat(new HubSource(request("main", online()), alert, Files::createSymbolicLink).resolve())
                .exists();
    }

    @Test
    void aListingWithoutEndIsNotReadToItsEnd() {
        hub.with("x".repeat(17 << 20), "");
        assertFault(this::resolve).hasMessageContainingAll("more than 16 MiB", hub.endpoint() + " a hub?");
    }

    @Test
    void aSlowServerIsWaitedFor() {
        hub.trouble(FIRST, new Trouble.Slow(1000));
        assertThat(resolve().resolve(FIRST)).hasSameBinaryContentAs(GOLDEN.resolve(FIRST));
        assertThat(hub.downloads(FIRST)).containsExactly("null");
        assertThat(heard.notes).isEmpty();
    }

    @Test
    void alteredBytesAreDownloadedAgainOnceAndThenRefused() {
        hub.trouble(FIRST, new Trouble.Corrupt());
        hub.trouble("config.json", new Trouble.Corrupt());
        assertThat(resolve().resolve(FIRST)).hasSameBinaryContentAs(GOLDEN.resolve(FIRST));
        hub.with(SECOND, new byte[5000]);
        hub.trouble(SECOND, new Trouble.Corrupt(), new Trouble.Corrupt());
        assertFault(this::resolve).hasMessageContainingAll(SECOND, "does not have the checksum");
    }

    @Test
    void somethingLeftByAnotherDownloadIsNotTrusted() throws IOException {
        Path blobs = Files.createDirectories(model.resolve("blobs"));
        String etag = FakeHub.etag(FIRST, Files.readAllBytes(GOLDEN.resolve(FIRST)));
        Files.write(blobs.resolve(etag + ".incomplete"), new byte[4000]);
        assertThat(resolve().resolve(FIRST)).hasSameBinaryContentAs(GOLDEN.resolve(FIRST));
        assertThat(hub.downloads(FIRST)).containsExactly("bytes=4000-", "null");
    }

    @Test
    void twoDownloadsAtOnceShareTheirWork() throws Exception {
        try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            Callable<Path> download = () -> source(request("main", online())).resolve();
            List<Path> paths = new ArrayList<>();
            for (var result : threads.invokeAll(List.of(download, download, download))) {
                paths.add(result.get());
            }
            assertThat(paths).containsOnly(model.resolve("snapshots/" + FakeHub.COMMIT));
        }
        assertThat(hub.downloads(FIRST)).hasSize(1);
    }

    @Test
    void whereLinksCannotBeMadeFilesAreCopied() throws IOException {
        HubCache.Linker none = (link, target) -> {
            throw new UnsupportedOperationException();
        };
        Path snapshot = new HubSource(request("main", online()), QUICK, none).resolve();
        assertThat(snapshot.resolve(FIRST)).hasSameBinaryContentAs(GOLDEN.resolve(FIRST));
        assertThat(Files.isSymbolicLink(snapshot.resolve(FIRST))).isFalse();
        assertThat(names(snapshot)).hasSize(7);
    }

    @Test
    void randomWeightsNeedNoWeights() throws IOException {
        HubRequest request = new HubRequest(
                FakeHub.MODEL, "main", HubRequest.Wanted.ALL_BUT_WEIGHTS, online(), DownloadProgress.NONE);
        assertThat(names(resolve(request)))
                .contains("config.json", "tokenizer.json")
                .doesNotContain(FIRST);
        assertFault(() -> resolve(request("main", offline()))).hasMessageContaining("cached only in part");
    }

    @Test
    void aTokenizerNeedsNoModelAroundIt() throws IOException {
        try (FakeHub other = new FakeHub()) {
            other.with("tokenizer.json", "{}")
                    .with("tokenizer_config.json", "{}")
                    .with("pytorch_model.bin", "x");
            HubAccess access = new HubAccess(other.endpoint(), null, cache, HubAccess.Mode.ONLINE);
            Path snapshot = resolve(tokenizer(access));
            assertThat(names(snapshot)).containsExactlyInAnyOrder("tokenizer.json", "tokenizer_config.json");
            HubAccess offline = new HubAccess(other.endpoint(), null, cache, HubAccess.Mode.OFFLINE);
            assertThat(resolve(tokenizer(offline))).isEqualTo(snapshot);
        }
    }

    @Test
    void ofAModelWhoseTokenizerIsWantedNoWeightsCome() throws IOException {
        assertThat(names(resolve(tokenizer(online()))))
                .contains("tokenizer.json")
                .doesNotContain(FIRST, SECOND);
        try (FakeHub older = new FakeHub()) {
            older.with("config.json", "{}").with("tokenizer.model", "x");
            HubAccess access = new HubAccess(older.endpoint(), null, temporary, HubAccess.Mode.ONLINE);
            assertFault(() -> resolve(tokenizer(access))).hasMessageContaining("tokenizer.model alone is not read");
        }
    }

    @Test
    void withoutATokenItIsSaidHowToGiveOne() {
        hub.access = Access.TOKEN;
        assertFault(this::resolve)
                .hasMessageContainingAll(
                        "org/tiny", "401", hub.endpoint() + "/settings/tokens", "--hf-token", "HF_TOKEN");
        assertFault(() -> resolve(request("main", online().withToken("wrong"))))
                .hasMessageContaining("The token is not valid");
    }

    @Test
    void aGatedModelSaysWhereItsTermsAreAccepted() {
        hub.access = Access.GATED;
        assertFault(() -> resolve(request("main", online().withToken("secret"))))
                .hasMessageContainingAll("403", "gated", hub.endpoint() + "/org/tiny");
        assertFault(this::resolve).hasMessageContainingAll("401", "gated", "--hf-token");
    }

    @Test
    void whatDoesNotExistIsNamed() throws IOException {
        assertFault(() -> resolve(request("v9", online()))).hasMessageContaining("there is no revision 'v9'");
        HubRequest other = HubRequest.of("org/teeny", online(), heard);
        assertFault(() -> resolve(other)).hasMessageContainingAll("no such model at", "no folder");
        HubRequest path = HubRequest.of(temporary.resolve("mdel").toString(), online(), heard);
        Files.createDirectories(temporary.resolve("model"));
        assertFault(() -> resolve(path))
                .hasMessageContainingAll("no such folder", "did you mean " + temporary.resolve("model"));
        assertFault(() -> resolve(HubRequest.of("../../etc", online(), heard))).hasMessageContaining("not a hub id");
        assertFault(() -> resolve(request("../main", online()))).hasMessageContaining("not a branch");
    }

    @Test
    void aFolderIsItself() throws IOException {
        Path folder = Files.createDirectories(temporary.resolve("org/tiny"));
        assertThat(resolve(HubRequest.of(folder.toString(), online(), heard))).isEqualTo(folder);
        assertThat(hub.seen).isEmpty();
    }

    @Test
    void offlineWithoutACopyIsSaid() {
        assertFault(() -> resolve(request("main", offline())))
                .hasMessageContainingAll("HF_HUB_OFFLINE", "not in the cache", cache.toString());
    }

    @Test
    void aHubThatCannotBeReachedIsReplacedByTheCopy() {
        Path once = resolve();
        HubAccess dead = new HubAccess(URI.create("http://127.0.0.1:1"), null, cache, HubAccess.Mode.ONLINE);
        assertThat(resolve(request("main", dead))).isEqualTo(once);
        assertThat(heard.notes).singleElement().asString().contains("http://127.0.0.1:1 cannot be reached", "cached");
        HubAccess nothing = new HubAccess(URI.create("http://127.0.0.1:1"), null, temporary, HubAccess.Mode.ONLINE);
        assertFault(() -> resolve(request("main", nothing))).hasMessageContainingAll("cannot be reached", "not in the");
    }

    @Test
    void passingErrorsOfTheHubArePassedOver() {
        hub.trouble("listing", new Trouble.Status(503), new Trouble.Status(429), new Trouble.Status(500));
        assertThat(resolve()).exists();
    }

    @Test
    void aFullDiskIsNoticedBeforeTheDownload() {
        Limits full = new Limits(1, Duration.ZERO, Duration.ofSeconds(1), 2, folder -> 5000);
        assertFault(() -> new HubSource(request("main", online()), full, Files::createSymbolicLink).resolve())
                .hasMessageContainingAll("are to be downloaded, but only 5.0 kB are free in", "HF_HOME")
                .extracting(fault -> ((EngineFault) fault).code())
                .isEqualTo(EngineFault.Code.RESOURCE);
        assertThat(hub.downloads(FIRST)).isEmpty();
    }

    @Test
    void weightsInAnotherFormatAreRefusedBeforeTheDownload() {
        try (FakeHub other = new FakeHub()) {
            other.with("config.json", "{}").with("pytorch_model.bin", "x");
            HubAccess access = new HubAccess(other.endpoint(), null, cache, HubAccess.Mode.ONLINE);
            assertFault(() -> resolve(request("main", access)))
                    .hasMessageContainingAll("no safetensors", "pytorch_model.bin");
        }
    }

    private Path resolve() {
        return resolve(request("main", online()));
    }

    private static Path resolve(HubRequest request) {
        return source(request).resolve();
    }

    private static HubSource source(HubRequest request) {
        return new HubSource(request, QUICK, Files::createSymbolicLink);
    }

    private HubRequest request(String revision, HubAccess access) {
        return new HubRequest(FakeHub.MODEL, revision, HubRequest.Wanted.EVERYTHING, access, heard);
    }

    private static HubRequest tokenizer(HubAccess access) {
        return new HubRequest(FakeHub.MODEL, "main", HubRequest.Wanted.TOKENIZER, access, DownloadProgress.NONE);
    }

    private HubAccess online() {
        return new HubAccess(hub.endpoint(), null, cache, HubAccess.Mode.ONLINE);
    }

    private HubAccess offline() {
        return new HubAccess(hub.endpoint(), null, cache, HubAccess.Mode.OFFLINE);
    }
}
