package espalier.peers;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Lets an engine answer like {@code espalier bench turns}: a line such as {@code {"prompts":[16,16],"outputs":[4,4]}} asks
 * for requests of so many tokens, all at once; the answer is a line with {@code seconds} and {@code output_tokens}.
 */
public final class Turns {
    private static final Pattern LIST = Pattern.compile("\"(prompts|outputs)\"\\s*:\\s*\\[([0-9,\\s]*)]");

    private Turns() {}

    /** An engine with its model loaded. */
    @FunctionalInterface
    public interface Peer {
        /**
         * Runs requests of these lengths to their ends, greedily and past end tokens.
         *
         * @return the tokens made
         */
        int run(int[] prompts, int[] outputs) throws Exception;
    }

    /**
     * Says that it is ready, then takes turns until the input ends.
     *
     * @param out where the lines go; engines that write to {@code System.out} need another there
     */
    public static void take(String name, Peer peer, PrintStream out) throws Exception {
        say(out, "{\"ready\": \"" + name + "\"}");
        var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            int[] prompts = list(line, "prompts");
            int[] outputs = list(line, "outputs");
            long begun = System.nanoTime();
            int made = peer.run(prompts, outputs);
            double seconds = (System.nanoTime() - begun) / 1e9;
            say(out, String.format(Locale.ROOT, "{\"seconds\": %.6f, \"output_tokens\": %d}", seconds, made));
        }
    }

    private static int[] list(String line, String name) throws IOException {
        Matcher lists = LIST.matcher(line);
        while (lists.find()) {
            if (lists.group(1).equals(name)) {
                return Arrays.stream(lists.group(2).split(","))
                        .mapToInt(number -> Integer.parseInt(number.strip()))
                        .toArray();
            }
        }
        throw new IOException("a turn without " + name + ": " + line);
    }

    private static void say(PrintStream out, String line) {
        out.println(line);
        out.flush();
    }
}
