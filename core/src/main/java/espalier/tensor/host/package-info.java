/** What every device shares whose tensors lie in this machine's memory: buffers, ranks that are threads, sampling. */
package espalier.tensor.host;
