package espalier.cuda.driver;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Recordings of what is queued on a stream, one at a time, and what they become. */
final class Captures {
    private static final int RELAXED = 2;

    private final CudaCalls cuda;
    private final Opened opened;
    private final Call launch;
    private @Nullable Stream open;

    Captures(CudaCalls cuda, Opened opened) {
        this.cuda = cuda;
        this.opened = opened;
        launch = cuda.call("cuGraphLaunch", 2);
    }

    void begin(Stream stream) {
        cuda.run("cuStreamBeginCapture_v2", stream.handle(), RELAXED);
        open = stream;
    }

    Graph end(Stream stream) {
        open = null;
        long recorded = opened.add(Opened.Kind.RECORDING, recorded(stream));
        try {
            long graph = opened.add(Opened.Kind.GRAPH, cuda.obtain("cuGraphInstantiateWithFlags", recorded, 0));
            cuda.run("cuGraphUpload", graph, stream.handle());
            return new Graph(graph);
        } finally {
            opened.abandon(Opened.Kind.RECORDING, recorded);
        }
    }

    private long recorded(Stream stream) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(JAVA_LONG);
            cuda.run("cuStreamEndCapture", stream.handle(), out.address());
            return out.get(JAVA_LONG, 0);
        }
    }

    /** Ends a recording that something broke: memory and streams could not be given back before. */
    void abandon() {
        Stream stream = open;
        if (stream == null) {
            return;
        }
        open = null;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(JAVA_LONG);
            cuda.status("cuStreamEndCapture", stream.handle(), out.address());
            if (out.get(JAVA_LONG, 0) != 0) {
                opened.abandon(Opened.Kind.RECORDING, out.get(JAVA_LONG, 0));
            }
        }
    }

    void launch(Stream stream, Graph graph) {
        cuda.check(launch.with(graph.handle(), stream.handle()), "cuGraphLaunch");
    }

    void close(Graph graph) {
        opened.close(Opened.Kind.GRAPH, graph.handle());
    }
}
