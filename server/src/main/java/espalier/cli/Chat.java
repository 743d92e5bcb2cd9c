package espalier.cli;

import espalier.api.RequestRejected;
import espalier.chat.ChatPrompt;
import espalier.chat.Continuation;
import espalier.chat.Prompt;
import espalier.chat.TextEngine;
import espalier.chat.TextRequest;
import espalier.config.Options;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A conversation in the terminal. Each turn finds the ones before it in the prefix cache. */
final class Chat implements Command {
    private static final String HELP = """
            /system TEXT  sets the system prompt and begins anew; without TEXT shows it
            /clear        forgets the conversation
            /again        answers the last question once more
            /stats        shows or hides token counts and speed
            /exit         leaves (as do the end of the input, and Ctrl-C)""";

    @Override
    public String name() {
        return "chat";
    }

    @Override
    public String description() {
        return "Talk with a model in the terminal.";
    }

    @Override
    public List<Class<? extends Record>> flags() {
        return List.of(Sampling.class, Loading.ModelFlags.class);
    }

    @Override
    public int run(Terminal terminal, Typed typed) throws Exception {
        Logs.install(terminal, "warning");
        Sampling sampling = typed.as(Sampling.class);
        sampling.require();
        try (TextEngine engine = Loading.load(typed.as(Options.class), terminal)) {
            if (!engine.card().hasChatTemplate()) {
                throw RequestRejected.invalid(
                        "--chat-template",
                        engine.card().servedName() + " has no chat template; give one with --chat-template FILE, or use"
                                + " espalier generate --raw");
            }
            terminal.out().println("Talking with " + engine.card().servedName() + ". /help lists commands.");
            new Conversation(terminal, engine, sampling).run();
        }
        return Cli.OK;
    }

    /** The turns so far. */
    private static final class Conversation {
        private final Terminal terminal;
        private final TextEngine engine;
        private final Sampling sampling;
        private final BufferedReader lines;
        private final List<Map<String, Object>> messages = new ArrayList<>();
        private @Nullable String system;
        private boolean stats;

        Conversation(Terminal terminal, TextEngine engine, Sampling sampling) {
            this.terminal = terminal;
            this.engine = engine;
            this.sampling = sampling;
            this.system = sampling.system();
            this.lines = new BufferedReader(new InputStreamReader(terminal.in(), StandardCharsets.UTF_8));
            clear();
        }

        void run() throws IOException, InterruptedException {
            for (String line = read(); line != null; line = read()) {
                String text = line.strip();
                if (text.equals("/exit") || text.equals("/quit")) {
                    return;
                } else if (text.startsWith("/")) {
                    command(text);
                } else if (!text.isEmpty()) {
                    messages.add(Map.of("role", "user", "content", text));
                    answer();
                }
            }
            terminal.out().println();
        }

        private @Nullable String read() throws IOException {
            String prompt = terminal.hasColour() ? "\n\u001b[1;36myou>\u001b[0m " : "\nyou> ";
            if (terminal.console() != null && terminal.isInteractive()) {
                return terminal.console().readLine("%s", prompt);
            }
            terminal.out().print(prompt);
            terminal.out().flush();
            return lines.readLine();
        }

        private void command(String text) throws InterruptedException {
            if (text.equals("/clear")) {
                clear();
                terminal.out().println("Forgotten.");
            } else if (text.startsWith("/system ")) {
                system = text.substring("/system ".length()).strip();
                clear();
                terminal.out().println("Begun anew.");
            } else if (text.equals("/stats")) {
                stats = !stats;
                terminal.out().println(stats ? "Counts and speed are shown." : "Counts and speed are hidden.");
            } else if (text.equals("/again") && !messages.isEmpty() && "assistant".equals(role(messages.getLast()))) {
                messages.removeLast();
                answer();
            } else if (text.equals("/again")) {
                terminal.out().println("There is no answer to give again.");
            } else if (text.equals("/system")) {
                terminal.out().println(system == null ? "There is no system prompt." : "System prompt: " + system);
            } else {
                if (!text.equals("/help")) {
                    terminal.out().println("There is no command " + text + ".");
                }
                terminal.out().println(HELP);
            }
        }

        private void clear() {
            messages.clear();
            if (system != null) {
                messages.add(Map.of("role", "system", "content", system));
            }
        }

        private void answer() throws InterruptedException {
            var prompt = new ChatPrompt(messages, null, Map.of(), Continuation.ADD_GENERATION_PROMPT);
            terminal.out().print(terminal.hasColour() ? "\u001b[1;32mmodel>\u001b[0m " : "model> ");
            try {
                var request = TextRequest.of(
                        "chat-" + messages.size(),
                        new Prompt.Chat(prompt),
                        sampling.over(engine.samplingDefaults(), 0.7f));
                Answer answer = Answer.print(engine, request, terminal.out());
                messages.add(Map.of("role", "assistant", "content", answer.text()));
                terminal.out().println();
                if (stats) {
                    terminal.out().println("(" + answer.facts() + ")");
                }
            } catch (RequestRejected e) {
                messages.removeLast();
                terminal.out().println(e.getMessage());
            }
        }

        private static @Nullable Object role(Map<String, Object> message) {
            return message.get("role");
        }
    }
}
