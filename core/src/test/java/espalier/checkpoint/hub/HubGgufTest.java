package espalier.checkpoint.hub;

import static espalier.checkpoint.hub.Downloads.assertFault;
import static espalier.checkpoint.hub.Downloads.names;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import espalier.api.RequestRejected;
import espalier.checkpoint.hub.FakeHub.Trouble;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HubGgufTest {
    private static final String Q4 = "tiny-Q4_K_M.gguf";
    private static final String Q8 = "tiny-Q8_0.gguf";
    private static final String FIRST = "BF16/tiny-BF16-00001-of-00002.gguf";
    private static final String SECOND = "BF16/tiny-BF16-00002-of-00002.gguf";
    private static final Limits QUICK =
            new Limits(4, Duration.ofMillis(1), Duration.ofSeconds(30), 4, folder -> Long.MAX_VALUE);

    @TempDir
    Path temporary;

    private final FakeHub hub = new FakeHub();
    private final Downloads.Heard heard = new Downloads.Heard();
    private Path cache;

    @BeforeEach
    void publish() {
        cache = temporary.resolve("hub");
        for (String name : new String[] {Q4, Q8, FIRST, SECOND}) {
            hub.with(name, (name + " ").repeat(2000));
        }
        hub.with("tiny-UD-Q8_0_XL.gguf", "x")
                .with("mmproj-tiny-Q8_0.gguf", "pictures")
                .with("imatrix_tiny-Q8_0.gguf", "statistics")
                .with("README.md", "useless")
                .with("config.json", "{}");
    }

    @AfterEach
    void close() {
        hub.close();
    }

    @ParameterizedTest
    @CsvSource({
        "org/tiny:Q8_0, , tiny-Q8_0.gguf",
        "org/tiny:q8_0, , tiny-Q8_0.gguf",
        "org/tiny, tiny-Q8_0.gguf, tiny-Q8_0.gguf",
        "org/tiny, tiny-Q8_0, tiny-Q8_0.gguf",
        "org/tiny, , tiny-Q4_K_M.gguf",
        "org/tiny:BF16, , BF16/tiny-BF16-00001-of-00002.gguf",
        "org/tiny, tiny-BF16-00002-of-00002.gguf, BF16/tiny-BF16-00001-of-00002.gguf",
        "org/tiny, BF16/tiny-BF16-00001-of-00002.gguf, BF16/tiny-BF16-00001-of-00002.gguf"
    })
    void oneModelOfSeveralIsChosenAndComesAlone(String model, String file, String expected) throws IOException {
        Path found = resolve(model, file, online());
        assertThat(snapshot().relativize(found)).hasToString(expected);
        assertThat(found).content().startsWith(expected);
        int files = expected.startsWith("BF16") ? 2 : 1;
        assertThat(names(cache.resolve("models--org--tiny/blobs"))).hasSize(files);
        assertThat(heard.transfers.getLast().allDone())
                .isEqualTo(heard.transfers.getLast().allBytes());
    }

    @Test
    void allShardsLieBesideTheFirst() throws IOException {
        Path found = resolve("org/tiny:BF16", null, online());
        assertThat(found.resolveSibling("tiny-BF16-00002-of-00002.gguf"))
                .content()
                .startsWith(SECOND);
    }

    @Test
    void anotherFormatOfACachedRepositoryIsDownloadedThen() {
        resolve("org/tiny:Q8_0", null, online());
        assertFault(() -> resolve("org/tiny:Q4_K_M", null, offline()))
                .hasMessageContainingAll("HF_HUB_OFFLINE", "cached only in part", "in the format Q4_K_M", Q8);
        assertThat(resolve("org/tiny:Q4_K_M", null, online())).exists();
        assertThat(hub.downloads(Q8)).hasSize(1);
        hub.seen.clear();
        assertThat(resolve("org/tiny:Q4_K_M", null, offline())).hasFileName(Q4);
        assertThat(resolve("org/tiny:Q8_0", null, offline())).hasFileName(Q8);
        assertThat(hub.seen).isEmpty();
    }

    @Test
    void aCachedFormatIsNotWhatIsServedWhereNoneIsNamed() {
        resolve("org/tiny:Q8_0", null, online());
        assertFault(() -> resolve("org/tiny", null, offline()))
                .hasMessageContainingAll("cached only in part", "served from " + Q4, "--gguf-file " + Q8 + " is");
        assertThat(resolve("org/tiny", null, online())).hasFileName(Q4);
        assertThat(resolve("org/tiny", null, offline())).hasFileName(Q4);
    }

    @Test
    void aCachedFormatIsNotServedInPlaceOfSafetensors() {
        hub.with("model.safetensors", "x");
        resolve("org/tiny:Q8_0", null, online());
        assertFault(() -> resolve("org/tiny", null, offline())).hasMessageContaining("served from config.json");
        assertThat(resolve("org/tiny", null, online())).isEqualTo(snapshot());
    }

    @Test
    void whatACommitServesIsAskedForWhereAnotherProgramCachedAFormat() throws IOException {
        resolve("org/tiny:Q8_0", null, online());
        Files.delete(cache.resolve("models--org--tiny/listings/" + FakeHub.COMMIT));
        assertThat(resolveCommit(offline())).hasFileName(Q8);
        assertThat(resolveCommit(online())).hasFileName(Q4);
        hub.seen.clear();
        assertThat(resolveCommit(online())).hasFileName(Q4);
        assertThat(hub.seen).isEmpty();
    }

    @Test
    void aCutDownloadGoesOnAndAlteredBytesAreNoticed() {
        hub.trouble(FIRST, new Trouble.CutAfter(100), new Trouble.Fine());
        hub.trouble(SECOND, new Trouble.Corrupt(), new Trouble.Corrupt());
        assertFault(() -> resolve("org/tiny:BF16", null, online())).hasMessageContaining(SECOND);
        assertFault(() -> resolve("org/tiny:BF16", null, offline())).hasMessageContaining("not in the cache");
        assertThat(resolve("org/tiny:BF16", null, online())).content().startsWith(FIRST);
    }

    @Test
    void whatIsNotThereIsSaidWithWhatIs() {
        assertFault(() -> resolve("org/tiny:Q3_K_S", null, online()))
                .hasMessageContainingAll("org/tiny: no GGUF model in the format Q3_K_S", "--gguf-file", Q4, Q8, FIRST);
        assertFault(() -> resolve("org/tiny", "other.gguf", online()))
                .hasMessageContainingAll("no GGUF model called other.gguf", Q4);
        hub.with("old/tiny-Q8_0.gguf", "x");
        assertFault(() -> resolve("org/tiny:Q8_0", null, online())).hasMessageContaining("2 GGUF models in the format");
        hub.with("tiny-F16-00002-of-00002.gguf", "x");
        assertFault(() -> resolve("org/tiny:F16", null, online()))
                .hasMessageContaining("tiny-F16-00001-of-00002.gguf is missing, one of 2 shards");
        assertThat(hub.seen).noneMatch(seen -> seen.host().equals("content"));
    }

    @Test
    void severalModelsWithoutAChoiceAreListed() {
        try (FakeHub other = new FakeHub()) {
            other.with("a-Q8_0.gguf", "x").with("a-Q6_K.gguf", "x");
            HubAccess access = new HubAccess(other.endpoint(), null, cache, HubAccess.Mode.ONLINE);
            assertFault(() -> resolve("org/tiny", null, access))
                    .hasMessageContainingAll("2 GGUF models; name one", "a-Q8_0.gguf", "a-Q6_K.gguf");
        }
    }

    @Test
    void aRepositoryWithSafetensorsIsReadAsBeforeUnlessAFileIsNamed() {
        hub.with("model.safetensors", "x");
        assertThat(WantedFiles.of(request("org/tiny", null, online()), hub.names()))
                .containsExactly("config.json", "model.safetensors");
        assertThat(WantedFiles.of(request("org/tiny:Q8_0", null, online()), hub.names()))
                .containsExactly(Q8);
    }

    @Test
    void aFolderOnThisMachineIsChosenFromAsWell() throws IOException {
        Path folder = Files.createDirectories(temporary.resolve("local/models"));
        Files.writeString(folder.resolve(Q4), "x");
        Files.writeString(folder.resolve(Q8), "x");
        assertThat(resolve(folder.toString(), Q8, online())).isEqualTo(folder.resolve(Q8));
        assertThat(resolve(folder + ":Q8_0", null, online())).isEqualTo(folder.resolve(Q8));
        assertThat(resolve(folder.toString(), null, online())).isEqualTo(folder);
        assertFault(() -> resolve(folder.toString(), "none.gguf", online())).hasMessageContaining("none.gguf");
        assertFault(() -> resolve(folder.resolve(Q4).toString(), Q8, online())).hasMessageContaining("leave it away");
        assertThat(hub.seen).isEmpty();
    }

    @Test
    void twoChoicesAtOnceAreRefused() {
        assertThatThrownBy(() -> HubRequest.Named.of("org/tiny:Q8_0", Q4))
                .isInstanceOf(RequestRejected.class)
                .hasMessageContaining("leave one away");
    }

    private Path snapshot() {
        return cache.resolve("models--org--tiny/snapshots/" + FakeHub.COMMIT);
    }

    private Path resolve(String model, String file, HubAccess access) {
        return new HubSource(request(model, file, access), QUICK, Files::createSymbolicLink).resolve();
    }

    private Path resolveCommit(HubAccess access) {
        var request = new HubRequest("org/tiny", FakeHub.COMMIT, HubRequest.Wanted.EVERYTHING, access, heard);
        return new HubSource(request, QUICK, Files::createSymbolicLink).resolve();
    }

    private HubRequest request(String model, String file, HubAccess access) {
        var named = HubRequest.Named.of(model, file);
        return new HubRequest(named.model(), named.gguf(), "main", HubRequest.Wanted.EVERYTHING, access, heard);
    }

    private HubAccess online() {
        return new HubAccess(hub.endpoint(), null, cache, HubAccess.Mode.ONLINE);
    }

    private HubAccess offline() {
        return new HubAccess(hub.endpoint(), null, cache, HubAccess.Mode.OFFLINE);
    }
}
