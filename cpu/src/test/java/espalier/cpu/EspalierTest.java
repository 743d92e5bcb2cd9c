package espalier.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import espalier.api.Emission.FinishReason;
import espalier.api.RequestRejected;
import espalier.api.SamplingParams;
import espalier.base.Tokens;
import espalier.chat.ChatPrompt;
import espalier.chat.Completion;
import espalier.chat.Espalier;
import espalier.chat.EspalierLoader;
import espalier.chat.OutputText;
import espalier.chat.Prompt;
import espalier.chat.TextEvent;
import espalier.chat.TextRequest;
import espalier.chat.TokenText;
import espalier.config.OptionReader;
import espalier.config.Options;
import espalier.launch.LoadListener;
import espalier.text.Specials;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The whole text path over the bundled model: from a conversation to the last character of an answer. */
@Timeout(120)
class EspalierTest {
    private static final Prompt QUESTION = new Prompt.Chat(ChatPrompt.user("What is the capital of France?"));
    private static final SamplingParams GREEDY =
            SamplingParams.builder().temperature(0).maxNewTokens(48).logprobs(1).build();
    private static final OutputText KEPT = new OutputText(true, false);

    private static Espalier espalier;

    /** One choice, all of it. */
    private record Answer(String text, List<TokenText> tokens, TextEvent.Finished end) {
        List<Integer> ids() {
            return tokens.stream().map(TokenText::id).toList();
        }

        List<String> pieces() {
            return tokens.stream().map(TokenText::text).toList();
        }
    }

    @BeforeAll
    static void load() {
        Options options =
                OptionReader.read(Options.class, Map.of("--device", "cpu", "--max-total-tokens", "4000")::get);
        Path demo = Path.of(System.getProperty("espalier.root"), "models", "demo");
        espalier = EspalierLoader.load(options, demo, null, LoadListener.SILENT);
    }

    @AfterAll
    static void close() {
        espalier.close();
    }

    @Test
    void aConversationBecomesTheIdsThatItsTemplateWrites() {
        String rendered = "<|im_start|>user\nWhat is the capital of France?<|im_end|>\n<|im_start|>assistant\n";
        Tokens ids = espalier.promptIds(QUESTION);
        assertThat(ids).isEqualTo(espalier.tokenizer().encode(rendered));
        assertThat(ids.get(0)).isEqualTo(espalier.tokenizer().id("<|im_start|>").orElseThrow());
        assertThat(espalier.tokenizer().decode(ids, Specials.KEEP)).isEqualTo(rendered);
    }

    @Test
    void anAnswerEndsAtTheModelsEndToken() throws InterruptedException {
        Answer answer = answer(request(GREEDY, List.of(), OutputText.DEFAULT));
        int end = espalier.tokenizer().id("<|im_end|>").orElseThrow();
        assertThat(answer.text).contains("Paris").doesNotContain("<|im_end|>");
        assertThat(answer.ids()).endsWith(end);
        assertThat(answer.end.matchedStop()).isEqualTo(end);
        assertEnds(answer, FinishReason.STOP, answer.tokens.size());
        assertThat(answer.end.usage().promptTokens())
                .isEqualTo(espalier.promptIds(QUESTION).size());
    }

    @Test
    void aStopStringEndsEverythingAtTheTokenThatCompletesIt() throws InterruptedException {
        List<String> pieces =
                answer(request(GREEDY, List.of(), OutputText.DEFAULT)).pieces();
        int last = pieces.size() - 1; // the end token
        String text = String.join("", pieces.subList(0, last));
        int inside = 0;
        int across = 0;
        int before = 0;
        for (int i = 0; i < last; i++) {
            String piece = pieces.get(i);
            int after = before + piece.length();
            if (piece.length() >= 3 && text.indexOf(piece.substring(1, piece.length() - 1)) == before + 1) {
                inside++;
                assertStops(text, piece.substring(1, piece.length() - 1), i);
            }
            String joint = i + 1 < last ? text.substring(after - 1, after + 1) : "";
            if (i + 1 < last && text.indexOf(joint) == after - 1) {
                across++;
                assertStops(text, joint, i + 1);
            }
            before = after;
        }
        assertThat(espalier.engine().load().abortedRequests()).isZero();
        assertThat(inside).isPositive();
        assertThat(across).isPositive();
    }

    private static void assertStops(String text, String stop, int completedBy) throws InterruptedException {
        int at = text.indexOf(stop);
        Answer trimmed = answer(request(GREEDY, List.of(stop, "never said"), OutputText.DEFAULT));
        assertThat(trimmed.text).isEqualTo(text.substring(0, at));
        assertThat(trimmed.end.matchedStop()).isEqualTo(stop);
        assertEnds(trimmed, FinishReason.STOP, completedBy + 1);
        Answer kept = answer(request(GREEDY, List.of("never said", stop), KEPT));
        assertThat(kept.text).isEqualTo(text.substring(0, at + stop.length()));
        assertEnds(kept, FinishReason.STOP, completedBy + 1);
    }

    @Test
    void aStopIdEndsAnAnswerAndIsShownOnlyIfAsked() throws InterruptedException {
        List<TokenText> whole = answer(request(GREEDY, List.of(), OutputText.DEFAULT)).tokens;
        int third = whole.get(2).id();
        assertThat(whole.stream().limit(2).map(TokenText::id)).doesNotContain(third);
        SamplingParams stopping = GREEDY.toBuilder().stopTokenIds(Set.of(third)).build();
        String before = whole.get(0).text() + whole.get(1).text();
        Answer trimmed = answer(request(stopping, List.of(), OutputText.DEFAULT));
        assertThat(trimmed.text).isEqualTo(before);
        assertThat(trimmed.end.matchedStop()).isEqualTo(third);
        assertEnds(trimmed, FinishReason.STOP, 3);
        Answer kept = answer(request(stopping, List.of(), KEPT));
        assertThat(kept.text).isEqualTo(before + whole.get(2).text());
        assertEnds(kept, FinishReason.STOP, 3);
    }

    @Test
    void ignoreEosGoesOnBeyondEveryStopIdAndSpecialTokensAreShownOnlyIfAsked() throws InterruptedException {
        List<Integer> whole =
                answer(request(GREEDY, List.of(), OutputText.DEFAULT)).ids();
        SamplingParams endless = GREEDY.toBuilder()
                .ignoreEos(true)
                .stopTokenIds(Set.of(whole.get(1)))
                .build();
        Answer skipped = answer(request(endless, List.of(), OutputText.DEFAULT));
        assertThat(skipped.ids()).startsWith(whole.toArray(Integer[]::new)).hasSize(48);
        assertEnds(skipped, FinishReason.LENGTH, 48);
        assertThat(skipped.text).doesNotContain("<|im_end|>");
        Answer shown = answer(request(endless, List.of(), new OutputText(false, true)));
        assertThat(shown.ids()).isEqualTo(skipped.ids());
        assertThat(shown.text).contains("<|im_end|>").isEqualTo(String.join("", shown.pieces()));
    }

    @Test
    void severalChoicesAreTheSameAsOneEachWithItsNumber() throws InterruptedException {
        var drawn = GREEDY.toBuilder().temperature(4).seed(7L).maxNewTokens(20).build();
        var request = new TextRequest("many", QUESTION, drawn, List.of(), 3, OutputText.DEFAULT, 0, "");
        List<Answer> together = answers(request);
        for (int choice = 0; choice < 3; choice++) {
            Answer alone = answer(request(drawn.toBuilder().choice(choice).build(), List.of(), OutputText.DEFAULT));
            assertThat(together.get(choice).text).isEqualTo(alone.text);
            assertThat(together.get(choice).ids()).isEqualTo(alone.ids());
            assertThat(together.get(choice).end.usage().completionTokens()).isEqualTo(alone.tokens.size());
        }
        assertThat(together.stream().map(Answer::ids).distinct()).hasSize(3);
    }

    @Test
    void idsOutsideTheVocabularyAndAnEmptyPromptAreRefused() {
        for (Tokens ids : List.of(Tokens.of(1, 1 << 20), Tokens.of(-1), Tokens.empty())) {
            assertThatThrownBy(() -> espalier.start(TextRequest.of("r", new Prompt.Ids(ids), GREEDY)))
                    .isInstanceOf(RequestRejected.class);
        }
    }

    /** Text, usage, log-probabilities and reason all speak of the same tokens. */
    private static void assertEnds(Answer answer, FinishReason reason, int tokens) {
        assertThat(answer.end.reason()).isEqualTo(reason);
        assertThat(answer.end.usage().completionTokens()).isEqualTo(tokens);
        assertThat(answer.tokens)
                .hasSize(tokens)
                .allSatisfy(t -> assertThat(t.logprobs()).isNotNull());
    }

    private static TextRequest request(SamplingParams sampling, List<String> stop, OutputText output) {
        return new TextRequest("one", QUESTION, sampling, stop, 1, output, 0, "");
    }

    private static Answer answer(TextRequest request) throws InterruptedException {
        return answers(request).getFirst();
    }

    private static List<Answer> answers(TextRequest request) throws InterruptedException {
        var heard = IntStream.range(0, request.choices())
                .mapToObj(_ -> new ArrayList<TextEvent.Delta>())
                .toList();
        var ends = new TextEvent.Finished[request.choices()];
        try (Completion completion = espalier.start(request)) {
            for (int open = request.choices(); open > 0; ) {
                switch (completion.next()) {
                    case TextEvent.Delta d -> heard.get(d.choice()).add(d);
                    case TextEvent.Finished f -> {
                        ends[f.choice()] = f;
                        open--;
                    }
                    case TextEvent.Failed f -> throw f.cause();
                }
            }
        }
        return IntStream.range(0, request.choices())
                .mapToObj(i -> new Answer(
                        heard.get(i).stream().map(TextEvent.Delta::text).collect(Collectors.joining()),
                        heard.get(i).stream().flatMap(d -> d.tokens().stream()).toList(),
                        ends[i]))
                .toList();
    }
}
