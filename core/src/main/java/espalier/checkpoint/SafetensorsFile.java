package espalier.checkpoint;

import espalier.tensor.DType;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
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
import tools.jackson.databind.JsonNode;

/**
 * One mapped file in the safetensors format (github.com/huggingface/safetensors, "Format"):
 *
 * <pre>
 * 8 bytes    n, the size of the header, little-endian
 * n bytes    JSON: {"name": {"dtype": "BF16", "shape": [2, 3], "data_offsets": [begin, end]}, …, "__metadata__": {…}}
 * the rest   the data; offsets count from here, and the tensors cover it without gaps
 * </pre>
 *
 * Everything that the header says is checked against the size of the file when it is opened, so no later read can leave
 * the mapping, whatever the file holds.
 */
final class SafetensorsFile {
    /** The format's own limit. */
    private static final long LARGEST_HEADER_BYTES = 100_000_000;

    private static final ValueLayout.OfLong LENGTH = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** A tensor as the header describes it; {@code begin} and {@code end} count from the start of the data. */
    private record Entry(String name, String dtype, long[] shape, long begin, long end) {}

    private final Path file;
    private final MemorySegment data;
    private final Map<String, Entry> entries;

    private SafetensorsFile(Path file, MemorySegment data, Map<String, Entry> entries) {
        this.file = file;
        this.data = data;
        this.entries = entries;
    }

    /** Maps the file for as long as the arena lives. */
    static SafetensorsFile open(Path file, Arena arena) {
        MemorySegment whole = map(file, arena);
        String name = file.toString();
        long size = whole.byteSize();
        if (size < Long.BYTES) {
            throw truncated(name + ": " + size + " bytes are too few for a safetensors file");
        }
        long headerBytes = whole.get(LENGTH, 0);
        if (headerBytes < 0 || headerBytes > LARGEST_HEADER_BYTES) {
            throw JsonFile.fault(name + ": not a safetensors file (its header would have "
                    + Long.toUnsignedString(headerBytes) + " bytes)");
        }
        if (headerBytes > size - Long.BYTES) {
            throw truncated(name + ": the header ends at byte " + (Long.BYTES + headerBytes) + " of " + size);
        }
        byte[] header = whole.asSlice(Long.BYTES, headerBytes).toArray(ValueLayout.JAVA_BYTE);
        MemorySegment data = whole.asSlice(Long.BYTES + headerBytes);
        Map<String, Entry> entries = new LinkedHashMap<>();
        for (Map.Entry<String, JsonNode> item :
                JsonFile.object(name + " (header)", header).properties()) {
            if (!item.getKey().equals("__metadata__")) {
                entries.put(item.getKey(), entry(name, item.getKey(), item.getValue()));
            }
        }
        checkCover(name, List.copyOf(entries.values()), data.byteSize(), Long.BYTES + headerBytes);
        return new SafetensorsFile(file, data, entries);
    }

    Iterable<String> names() {
        return entries.keySet();
    }

    boolean has(String name) {
        return entries.containsKey(name);
    }

    Path path() {
        return file;
    }

    /** The named tensor, which is here. */
    StoredTensor tensor(String name) {
        Entry entry = java.util.Objects.requireNonNull(entries.get(name), name);
        DType dtype = switch (entry.dtype) {
            case "F32" -> DType.F32;
            case "F16" -> DType.F16;
            case "BF16" -> DType.BF16;
            default ->
                throw JsonFile.fault(file + ": tensor '" + name + "' is stored as " + entry.dtype
                        + "; supported are F32, F16 and BF16");
        };
        return StoredTensor.plain(name, dtype, entry.shape.clone(), data.asSlice(entry.begin, entry.end - entry.begin));
    }

    private static MemorySegment map(Path file, Arena arena) {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            return channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
        } catch (NoSuchFileException e) {
            throw JsonFile.fault(file + ": no such file");
        } catch (IOException e) {
            throw new espalier.api.EngineFault(
                    espalier.api.EngineFault.Code.CHECKPOINT, file + ": cannot be mapped: " + e, e);
        }
    }

    private static Entry entry(String file, String name, JsonNode node) {
        String where = file + ": tensor '" + name + "'";
        JsonNode dtype = node.path("dtype");
        if (!dtype.isString()) {
            throw JsonFile.fault(where + " has no dtype");
        }
        long[] shape = numbers(where, "shape", node.path("shape"));
        long[] offsets = numbers(where, "data_offsets", node.path("data_offsets"));
        if (offsets.length != 2 || offsets[0] > offsets[1]) {
            throw JsonFile.fault(where + " has data_offsets " + Arrays.toString(offsets) + ", not a begin and an end");
        }
        Entry entry = new Entry(name, dtype.asString(), shape, offsets[0], offsets[1]);
        int bits = bits(entry.dtype);
        if (bits > 0 && !fits(shape, bits, offsets[1] - offsets[0])) {
            throw JsonFile.fault(where + " has shape " + Arrays.toString(shape) + " of " + entry.dtype + " in "
                    + (offsets[1] - offsets[0]) + " bytes, which do not match; the file is corrupt");
        }
        return entry;
    }

    private static boolean fits(long[] shape, int bits, long bytes) {
        try {
            long total = bits;
            for (long dimension : shape) {
                total = Math.multiplyExact(total, dimension);
            }
            return total % Byte.SIZE == 0 && total / Byte.SIZE == bytes;
        } catch (ArithmeticException e) {
            return false;
        }
    }

    private static long[] numbers(String where, String field, JsonNode node) {
        if (!node.isArray()) {
            throw JsonFile.fault(where + " has no " + field);
        }
        long[] numbers = new long[node.size()];
        for (int i = 0; i < numbers.length; i++) {
            JsonNode number = node.path(i);
            if (!number.isIntegralNumber() || !number.canConvertToLong() || number.asLong() < 0) {
                throw JsonFile.fault(where + " has " + field + " " + node + ", which are not sizes");
            }
            numbers[i] = number.asLong();
        }
        return numbers;
    }

    /** The tensors lie in the data one after another, and fill it. */
    private static void checkCover(String file, List<Entry> entries, long dataBytes, long dataStart) {
        List<Entry> inOrder = new ArrayList<>(entries);
        inOrder.sort(Comparator.comparingLong(Entry::begin).thenComparingLong(Entry::end));
        long covered = 0;
        String last = "the header";
        for (Entry entry : inOrder) {
            if (entry.end > dataBytes) {
                throw truncated(file + ": tensor '" + entry.name + "' ends at byte " + (dataStart + entry.end) + " of "
                        + (dataStart + dataBytes));
            }
            if (entry.begin != covered) {
                throw JsonFile.fault(file + ": tensor '" + entry.name + "' begins at byte " + (dataStart + entry.begin)
                        + ", but " + last + " ends at " + (dataStart + covered) + "; the file is corrupt");
            }
            covered = entry.end;
            last = "tensor '" + entry.name + "'";
        }
        if (covered != dataBytes) {
            throw JsonFile.fault(file + ": " + (dataBytes - covered) + " bytes after " + last
                    + " belong to no tensor; the file is corrupt");
        }
    }

    private static espalier.api.EngineFault truncated(String message) {
        return JsonFile.fault(message + "; the file is truncated, download it again");
    }

    /** Bits of an element; 0 where the type is not known to the format as of version 0.8. */
    private static int bits(String dtype) {
        return switch (dtype) {
            case "F64", "I64", "U64", "C64" -> 64;
            case "F32", "I32", "U32" -> 32;
            case "F16", "BF16", "I16", "U16" -> 16;
            case "I8", "U8", "BOOL", "F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ" -> 8;
            case "F6_E2M3", "F6_E3M2" -> 6;
            case "F4" -> 4;
            default -> 0;
        };
    }
}
