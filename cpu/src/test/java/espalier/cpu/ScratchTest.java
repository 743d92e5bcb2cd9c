package espalier.cpu;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import espalier.api.EngineFault;
import java.lang.foreign.Arena;
import org.junit.jupiter.api.Test;

class ScratchTest {
    @Test
    void growsAndKeepsItsPlaceForWhatFits() {
        try (var scratch = new Scratch(Arena::ofShared)) {
            long small = scratch.take(100);
            assertThat(scratch.take(10)).isEqualTo(small);
            long large = scratch.take(1 << 20);
            Lanes.ALL.set(JAVA_BYTE, large + (1 << 20) - 1, (byte) 1);
            assertThat(scratch.take(1 << 20)).isEqualTo(large);
        }
    }

    @Test
    void whatIsReservedIsTheMostThatIsTaken() {
        try (var scratch = new Scratch(Arena::ofShared)) {
            scratch.reserve(300_000);
            assertThat(scratch.bytes()).isEqualTo(Scratch.reserved(300_000)).isEqualTo(300_000);
            long address = scratch.take(1);
            assertThat(scratch.take(300_000)).isEqualTo(address);
            scratch.reserve(10);
            assertThat(scratch.bytes()).isEqualTo(300_000);
        }
    }

    @Test
    void holdsNothingAfterMemoryEndedAndAsksAgain() {
        var scratch = new Scratch(Arena::ofShared);
        scratch.take(100);
        assertThatThrownBy(() -> scratch.take(1L << 60)).isInstanceOf(EngineFault.class);
        long again = scratch.take(100);
        assertThat(again).isNotZero();
        Lanes.ALL.set(JAVA_BYTE, again + 99, (byte) 1);
        scratch.close();
        scratch.close();
    }
}
