/** Counters, gauges and histograms, and their text for Prometheus. */
package espalier.metrics;
