package espalier.bench.schedule;

import espalier.api.GenerateRequest;
import espalier.api.SamplingParams;
import espalier.base.Tokens;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Requests as conversations have them, the very lengths of the GPU's benchmarks: prompts log-normal with mean 220 and sigma
 * 1.1, answers with mean 200 and sigma 0.9, both from 4 to 1,024 tokens; normals by Box and Muller from SplitMix64, seeded
 * by FNV-1a of "chat.len". No two prompts begin alike.
 */
final class ChatRequests {
    private long state;

    private ChatRequests(String name) {
        long h = 0xCBF29CE484222325L;
        for (byte b : name.getBytes(StandardCharsets.UTF_8)) {
            h = (h ^ b) * 0x100000001B3L;
        }
        state = h;
    }

    /** The first {@code count}. */
    static List<GenerateRequest> of(int count) {
        var random = new ChatRequests("chat.len");
        var all = new ArrayList<GenerateRequest>();
        for (int id = 0; id < count; id++) {
            int prompt = random.logNormal(220, 1.1);
            all.add(request(id, prompt, random.logNormal(200, 0.9)));
        }
        return all;
    }

    private static GenerateRequest request(int id, int prompt, int answer) {
        int[] ids = new int[prompt];
        Arrays.setAll(ids, i -> i == 0 ? id : i);
        var sampling = SamplingParams.builder()
                .temperature(0)
                .ignoreEos(true)
                .maxNewTokens(answer)
                .build();
        return new GenerateRequest("r" + id, Tokens.of(ids), sampling);
    }

    private double real() {
        state += 0x9E3779B97F4A7C15L;
        long z = state;
        z = (z ^ z >>> 30) * 0xBF58476D1CE4E5B9L;
        z = (z ^ z >>> 27) * 0x94D049BB133111EBL;
        return (((z ^ z >>> 31) >>> 11) + 0.5) / (1L << 53);
    }

    private int logNormal(double mean, double sigma) {
        double u = real();
        double v = real();
        double normal = Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * v);
        double x = Math.exp(Math.log(mean) - sigma * sigma / 2 + sigma * normal);
        return (int) Math.min(1024, Math.max(4, Math.rint(x)));
    }
}
