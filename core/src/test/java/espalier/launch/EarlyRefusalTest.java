package espalier.launch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import espalier.api.RequestRejected;
import espalier.config.OptionReader;
import espalier.config.Options;
import espalier.tensor.Device;
import espalier.tensor.DeviceProvider;
import espalier.tensor.KvType;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What can be refused without a model is refused without one. */
class EarlyRefusalTest {
    private final Asked asked = new Asked();

    @Test
    void theDeviceIsAskedWhetherItServesTheFlags() {
        assertThat(require("--tp-size", "3", "--kv-cache-dtype", "int8", "--quantization", "int4"))
                .isSameAs(asked);
        DeviceProvider.Demand demand = asked.demands.getFirst();
        assertThat(demand.settings().ranks()).isEqualTo(3);
        assertThat(demand.kvType()).isEqualTo(KvType.INT8);
        assertThat(demand.weights()).isEqualTo(DeviceProvider.Weights.QUANTIZED);
        require();
        assertThat(asked.demands.getLast().weights()).isEqualTo(DeviceProvider.Weights.AS_STORED);
    }

    @Test
    void numbersAndNamesThatNoModelCanMendAreRefused() {
        assertRefused("--schedule-policy", "none");
        assertRefused("--kv-cache-dtype", "int3");
        assertRefused("--schedule-conservativeness", "-1");
        assertRefused("--watchdog-timeout", "-1");
        assertRefused("--tp-size", "0");
    }

    private void assertRefused(String flag, String value) {
        assertThatThrownBy(() -> require(flag, value))
                .isInstanceOf(RequestRejected.class)
                .hasMessageStartingWith(flag);
        assertThat(asked.demands).isEmpty();
    }

    private DeviceProvider require(String... flags) {
        Map<String, String> typed = new java.util.HashMap<>();
        for (int i = 0; i < flags.length; i += 2) {
            typed.put(flags[i], flags[i + 1]);
        }
        return EngineLoader.require(OptionReader.read(Options.class, typed::get), asked);
    }

    /** A kind of device that remembers what it was asked. */
    private static final class Asked implements DeviceProvider {
        private final List<Demand> demands = new ArrayList<>();

        @Override
        public String name() {
            return "asked";
        }

        @Override
        public String missing() {
            return "";
        }

        @Override
        public void require(Demand demand) {
            demands.add(demand);
        }

        @Override
        public List<Device> open(Settings settings) {
            return List.of();
        }
    }
}
