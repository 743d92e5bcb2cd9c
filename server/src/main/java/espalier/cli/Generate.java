package espalier.cli;

import espalier.api.RequestRejected;
import espalier.chat.ChatPrompt;
import espalier.chat.Continuation;
import espalier.chat.Prompt;
import espalier.chat.TextEngine;
import espalier.chat.TextRequest;
import espalier.config.Flag;
import espalier.config.Options;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Answers one prompt and exits. */
final class Generate implements Command {

    /** How the prompt is taken. */
    record Output(
            @Flag(value = "--raw", help = "Continue the prompt as plain text, without the chat template.")
            boolean raw,

            @Flag(value = "--verbose", help = "Print token counts and speed to standard error.")
            boolean verbose) {}

    @Override
    public String name() {
        return "generate";
    }

    @Override
    public String description() {
        return "Answer one prompt and exit; - reads the prompt from standard input.";
    }

    @Override
    public String arguments() {
        return "PROMPT";
    }

    @Override
    public List<Class<? extends Record>> flags() {
        return List.of(Output.class, Sampling.class, Loading.ModelFlags.class);
    }

    @Override
    public int run(Terminal terminal, Typed typed) throws Exception {
        Logs.install(terminal, "warning");
        String text = prompt(terminal, typed.arguments());
        Output output = typed.as(Output.class);
        Sampling sampling = typed.as(Sampling.class);
        sampling.require();
        try (TextEngine engine = Loading.load(typed.as(Options.class), terminal)) {
            boolean plain = output.raw() || !engine.card().hasChatTemplate();
            Prompt prompt = plain ? new Prompt.Text(text) : new Prompt.Chat(conversation(sampling.system(), text));
            var request = TextRequest.of("generate", prompt, sampling.over(engine.samplingDefaults(), 0));
            Answer answer = Answer.print(engine, request, terminal.out());
            terminal.out().println();
            terminal.out().flush();
            if (output.verbose()) {
                terminal.err().println(answer.facts());
            }
        }
        return Cli.OK;
    }

    /** What was typed, or standard input where that is {@code -}, or is no terminal and nothing was typed. */
    private static String prompt(Terminal terminal, List<String> words) throws IOException {
        String text = String.join(" ", words);
        if (text.equals("-") || (words.isEmpty() && !terminal.isInteractive())) {
            text = new String(terminal.in().readAllBytes(), StandardCharsets.UTF_8);
        }
        if (text.isBlank()) {
            throw RequestRejected.invalid(
                    "PROMPT", "generate needs a prompt: espalier generate \"Why is the sky blue?\"");
        }
        return text;
    }

    private static ChatPrompt conversation(@Nullable String system, String text) {
        var messages = new ArrayList<Map<String, Object>>();
        if (system != null) {
            messages.add(Map.of("role", "system", "content", system));
        }
        messages.add(Map.of("role", "user", "content", text));
        return new ChatPrompt(messages, null, Map.of(), Continuation.ADD_GENERATION_PROMPT);
    }
}
