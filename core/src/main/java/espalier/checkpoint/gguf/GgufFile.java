package espalier.checkpoint.gguf;

import espalier.api.EngineFault;
import espalier.checkpoint.StoredTensor;
import espalier.checkpoint.StoredTensor.Encoding;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One mapped file in the GGUF format, versions 2 and 3 (ggml's docs/gguf.md), little-endian:
 *
 * <pre>
 * 4 bytes      "GGUF"
 * 4, 8, 8      version, number of tensors, number of metadata entries
 * metadata     each: key, type of the value, value; texts are a length of 8 bytes and UTF-8
 * tensors      each: name, number of dimensions, dimensions (innermost first), type, offset of its data
 * the rest     data, from the next multiple of general.alignment (32) on, where offsets count from
 * </pre>
 *
 * Everything that the head says is checked against the size of the file when it is opened, so no later read can leave the
 * mapping, whatever the file holds.
 */
final class GgufFile {
    private static final int MAGIC = 'G' | 'G' << 8 | 'U' << 16 | 'F' << 24;
    private static final int MOST_DIMENSIONS = 4;

    private final Path path;
    private final long bytes;
    private final Map<String, GgufValue> metadata;
    private final List<Entry> entries;
    private final long dataAt;

    private GgufFile(Path path, long bytes, Map<String, GgufValue> metadata, List<Entry> entries, long dataAt) {
        this.path = path;
        this.bytes = bytes;
        this.metadata = metadata;
        this.entries = entries;
        this.dataAt = dataAt;
    }

    /** A tensor as the head describes it; {@code begin} counts from the start of the data. */
    private record Entry(String name, Encoding encoding, long[] shape, long begin, long bytes) {}

    /** Reads and checks the head; nothing stays open. */
    static GgufFile read(Path path) {
        try (Arena arena = Arena.ofConfined()) {
            return read(path, map(path, arena));
        }
    }

    private static GgufFile read(Path path, MemorySegment whole) {
        String name = path.toString();
        if (whole.byteSize() < 24) {
            throw truncated(name + ": " + whole.byteSize() + " bytes are too few for a GGUF file");
        }
        var cursor = new GgufCursor(name, whole);
        if (cursor.word() != MAGIC) {
            throw fault(name + ": not a GGUF file (it does not begin with 'GGUF')");
        }
        requireVersion(name, cursor.word());
        int tensorCount = cursor.count("tensors", 24);
        int metadataCount = cursor.count("entries of metadata", 13);
        Map<String, GgufValue> metadata = new LinkedHashMap<>();
        for (int i = 0; i < metadataCount; i++) {
            String key = cursor.text();
            if (metadata.put(key, cursor.value(key)) != null) {
                throw fault(name + ": metadata '" + key + "' stands there twice; the file is corrupt");
            }
        }
        var entries = new ArrayList<Entry>(tensorCount);
        for (int i = 0; i < tensorCount; i++) {
            entries.add(entry(name, cursor));
        }
        long dataAt = dataAt(name, cursor.position(), metadata);
        if (dataAt > whole.byteSize() && !entries.isEmpty()) {
            throw truncated(name + ": " + whole.byteSize() + " bytes, of which the data would begin at " + dataAt);
        }
        checkPlaces(name, entries, whole.byteSize() - dataAt);
        return new GgufFile(path, whole.byteSize(), metadata, entries, dataAt);
    }

    Path path() {
        return path;
    }

    Map<String, GgufValue> metadata() {
        return metadata;
    }

    /** The tensors, mapped for as long as the arena lives. */
    Map<String, StoredTensor> tensors(Arena arena) {
        MemorySegment whole = map(path, arena);
        if (whole.byteSize() != bytes) {
            throw fault(path + ": had " + bytes + " bytes a moment ago and has " + whole.byteSize()
                    + "; wait until nothing writes to it");
        }
        Map<String, StoredTensor> tensors = new LinkedHashMap<>();
        for (Entry e : entries) {
            MemorySegment data = whole.asSlice(dataAt + e.begin, e.bytes);
            if (tensors.put(e.name, new StoredTensor(e.name, e.encoding, e.shape, data)) != null) {
                throw fault(path + ": tensor '" + e.name + "' is stored twice; the file is corrupt");
            }
        }
        return tensors;
    }

    private static void requireVersion(String file, int version) {
        if (version == 2 || version == 3) {
            return;
        }
        if (Integer.reverseBytes(version) > 0 && Integer.reverseBytes(version) < 100) {
            throw fault(
                    file + ": a GGUF file for big-endian machines, which are not supported; convert the model again");
        }
        throw fault(file + ": GGUF version " + Integer.toUnsignedString(version) + "; versions 2 and 3 are read."
                + (version == 1 ? " Convert the model again with a current llama.cpp" : ""));
    }

    private static Entry entry(String file, GgufCursor cursor) {
        String name = cursor.text();
        String where = file + ": tensor '" + name + "'";
        int dimensions = cursor.word();
        if (dimensions < 0 || dimensions > MOST_DIMENSIONS) {
            throw fault(where + " has " + Integer.toUnsignedString(dimensions) + " dimensions; the file is corrupt");
        }
        var shape = new long[dimensions];
        for (int i = dimensions - 1; i >= 0; i--) {
            shape[i] = cursor.doubleWord();
        }
        int type = cursor.word();
        long begin = cursor.doubleWord();
        Encoding encoding = GgufType.of(type);
        if (encoding == null) {
            throw fault(where + " is stored as " + GgufType.nameOf(type) + "; supported are " + GgufType.known());
        }
        return new Entry(name, encoding, shape, begin, bytes(where, encoding, shape));
    }

    private static long bytes(String where, Encoding encoding, long[] shape) {
        try {
            long rows = 1;
            for (int i = 0; i < shape.length - 1; i++) {
                rows = Math.multiplyExact(rows, shape[i]);
            }
            long cols = shape.length == 0 ? 1 : shape[shape.length - 1];
            if (rows < 0 || cols < 0) {
                throw new ArithmeticException("negative");
            }
            return Math.multiplyExact(rows, encoding.rowBytes(Math.toIntExact(cols)));
        } catch (ArithmeticException | IllegalArgumentException e) {
            throw fault(where + " has shape " + Arrays.toString(shape) + ", which " + encoding
                    + " cannot have; the file is corrupt");
        }
    }

    private static long dataAt(String file, long headEnd, Map<String, GgufValue> metadata) {
        long alignment = metadata.get("general.alignment") instanceof GgufValue.Whole(long asked) ? asked : 32;
        if (alignment < 1 || alignment > 1 << 20) {
            throw fault(file + ": general.alignment is " + alignment + "; the file is corrupt");
        }
        return Math.ceilDiv(headEnd, alignment) * alignment;
    }

    private static void checkPlaces(String file, List<Entry> entries, long dataBytes) {
        var inOrder = new ArrayList<>(entries);
        inOrder.sort(Comparator.comparingLong(Entry::begin));
        long covered = 0;
        @Nullable Entry last = null;
        for (Entry e : inOrder) {
            if (e.begin < covered) {
                throw fault(file + ": tensor '" + e.name + "' begins inside "
                        + (last == null ? "the head" : "'" + last.name + "'") + "; the file is corrupt");
            }
            if (e.bytes > dataBytes - e.begin) {
                throw truncated(file + ": tensor '" + e.name + "' ends at byte " + (e.begin + e.bytes) + " of the "
                        + dataBytes + " bytes of data");
            }
            covered = e.begin + e.bytes;
            last = e;
        }
    }

    private static MemorySegment map(Path file, Arena arena) {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            return channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
        } catch (NoSuchFileException e) {
            throw fault(file + ": no such file");
        } catch (IOException e) {
            throw new EngineFault(EngineFault.Code.CHECKPOINT, file + ": cannot be mapped: " + e, e);
        }
    }

    static EngineFault fault(String message) {
        return new EngineFault(EngineFault.Code.CHECKPOINT, message);
    }

    static EngineFault truncated(String message) {
        return fault(message + "; the file is truncated, download it again");
    }
}
