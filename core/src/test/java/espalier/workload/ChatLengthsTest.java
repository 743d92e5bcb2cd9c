package espalier.workload;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ChatLengthsTest {

    /** Else figures of the same name could not be held against those of other engines, and of yesterday. */
    @Test
    void lengthsStayWhatOtherEnginesWereMeasuredBy() {
        assertThat(ChatLengths.first(4))
                .containsExactly(
                        new ChatLengths(1024, 269),
                        new ChatLengths(263, 21),
                        new ChatLengths(173, 374),
                        new ChatLengths(264, 92));
        assertThat(ChatLengths.first(1000))
                .allSatisfy(lengths -> assertThat(lengths.prompt()).isBetween(4, 1024))
                .allSatisfy(lengths -> assertThat(lengths.answer()).isBetween(4, 1024));
    }
}
