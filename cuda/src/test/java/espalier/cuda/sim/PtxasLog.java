package espalier.cuda.sim;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What ptxas says of a program that NVRTC has compiled for a real architecture ({@code --ptxas-options=-v}).
 *
 * @param kernels by name
 * @param complaints lines that tell of something lost: spills, stack frames, warnings, performance remarks
 */
record PtxasLog(Map<String, Usage> kernels, List<String> complaints) {
    /** Registers of a thread, bytes of static shared memory of a block. */
    record Usage(int registers, int sharedBytes) {
        Usage max(Usage other) {
            return new Usage(Math.max(registers, other.registers), Math.max(sharedBytes, other.sharedBytes));
        }
    }

    private static final Pattern ENTRY = Pattern.compile("Compiling entry function '(\\w+)'");
    private static final Pattern FRAME =
            Pattern.compile("(\\d+) bytes stack frame, (\\d+) bytes spill stores, (\\d+) bytes spill loads");
    private static final Pattern REGISTERS = Pattern.compile("Used (\\d+) registers");
    private static final Pattern SHARED = Pattern.compile("(\\d+) bytes smem");
    private static final Pattern COMPLAINT = Pattern.compile("(?i)warning|Potential Performance Loss|error");

    static PtxasLog read(String log) {
        var kernels = new TreeMap<String, Usage>();
        var complaints = new ArrayList<String>();
        String entry = "?";
        for (String line : log.lines().toList()) {
            Matcher begins = ENTRY.matcher(line), frame = FRAME.matcher(line), registers = REGISTERS.matcher(line);
            if (begins.find()) {
                entry = begins.group(1);
            } else if (frame.find()) {
                if (!frame.group(1).equals("0")
                        || !frame.group(2).equals("0")
                        || !frame.group(3).equals("0")) {
                    complaints.add(entry + ": " + frame.group());
                }
            } else if (registers.find()) {
                Matcher shared = SHARED.matcher(line);
                int bytes = shared.find() ? Integer.parseInt(shared.group(1)) : 0;
                kernels.put(entry, new Usage(Integer.parseInt(registers.group(1)), bytes));
            } else if (COMPLAINT.matcher(line).find()) {
                complaints.add(entry + ": " + line.strip());
            }
        }
        return new PtxasLog(kernels, complaints);
    }
}
