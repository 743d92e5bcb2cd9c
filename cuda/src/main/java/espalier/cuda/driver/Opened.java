package espalier.cuda.driver;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** What a driver has opened and not closed yet. It keeps the order, so that at the end the newest goes first. */
final class Opened {
    private final CudaCalls cuda;
    private final Set<Thing> things = new LinkedHashSet<>();

    Opened(CudaCalls cuda) {
        this.cuda = cuda;
    }

    /** What there is, by what ends it. */
    enum Kind {
        MEMORY("cuMemFree_v2"),
        PINNED_MEMORY("cuMemFreeHost"),
        STREAM("cuStreamDestroy_v2"),
        EVENT("cuEventDestroy_v2"),
        /** As a capture leaves it. */
        RECORDING("cuGraphDestroy"),
        /** As it can be launched. */
        GRAPH("cuGraphExecDestroy");

        private final String end;

        Kind(String end) {
            this.end = end;
        }
    }

    private record Thing(Kind kind, long handle) {}

    /** Returns {@code handle}. */
    long add(Kind kind, long handle) {
        things.add(new Thing(kind, handle));
        return handle;
    }

    void close(Kind kind, long handle) {
        things.remove(new Thing(kind, handle));
        cuda.run(kind.end, handle);
    }

    /** Where something else may be failing, which matters more. */
    void abandon(Kind kind, long handle) {
        things.remove(new Thing(kind, handle));
        cuda.status(kind.end, handle);
    }

    /** The newest first, whatever comes of it. */
    void closeAll() {
        for (Thing each : List.copyOf(things).reversed()) {
            cuda.status(each.kind.end, each.handle);
        }
        things.clear();
    }
}
