package espalier.checkpoint.hub;

import static espalier.checkpoint.hub.Downloads.assertFault;
import static org.assertj.core.api.Assertions.assertThat;

import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

class HubReachTest {
    @TempDir
    Path temporary;

    private final Downloads.Heard heard = new Downloads.Heard();

    /** Passing errors are waited for, here for a day. */
    @Test
    @Timeout(60)
    void aNameThatIsNothingHereIsAskedForAloudAndAHubOutOfReachIsAskedOnce() {
        HubAccess dead = new HubAccess(URI.create("http://127.0.0.1:1"), null, temporary, HubAccess.Mode.ONLINE);
        Limits slow = new Limits(6, Duration.ofDays(1), Duration.ofSeconds(30), 4, folder -> Long.MAX_VALUE);
        assertFault(() -> new HubSource(HubRequest.of("nope", dead, heard), slow, Files::createSymbolicLink).resolve())
                .hasMessageContainingAll(
                        "nope: http://127.0.0.1:1 cannot be reached (127.0.0.1: no connection)",
                        "not in the cache",
                        "HF_ENDPOINT");
        assertThat(heard.asked).containsExactly("http://127.0.0.1:1 for nope, which is no folder or file here");
    }
}
