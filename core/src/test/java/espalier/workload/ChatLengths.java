package espalier.workload;

import java.util.ArrayList;
import java.util.List;

/**
 * Lengths of one request of a conversation, in tokens: the very ones that SGLang and vLLM were measured by. Log-normal, prompts
 * with mean 220 and sigma 1.1, answers with mean 200 and sigma 0.9, both from 4 to 1,024.
 */
public record ChatLengths(int prompt, int answer) {

    /** The first {@code count}. */
    public static List<ChatLengths> first(int count) {
        var draws = new Draws("chat.len");
        var all = new ArrayList<ChatLengths>();
        for (int i = 0; i < count; i++) {
            int prompt = draws.logNormal(220, 1.1);
            all.add(new ChatLengths(prompt, draws.logNormal(200, 0.9)));
        }
        return all;
    }
}
