package espalier.checkpoint.hub;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import espalier.api.EngineFault;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.assertj.core.api.AbstractThrowableAssert;

/** What tests ask of a download. */
final class Downloads {
    private Downloads() {}

    /** What the download said. */
    static final class Heard implements DownloadProgress {
        final List<Transfer> transfers = new ArrayList<>();
        final List<String> notes = new ArrayList<>();
        final List<String> asked = new ArrayList<>();

        @Override
        public void asking(String what) {
            asked.add(what);
        }

        @Override
        public void update(Transfer transfer) {
            transfers.add(transfer);
        }

        @Override
        public void note(String message) {
            notes.add(message);
        }
    }

    static List<String> names(Path folder) throws IOException {
        try (var files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).toList();
        }
    }

    static AbstractThrowableAssert<?, ?> assertFault(org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
        return assertThatThrownBy(call).isInstanceOf(EngineFault.class);
    }
}
