/** One GPU as a narrow interface, and its implementation over the CUDA driver, NVRTC and cuBLASLt. */
package espalier.cuda.driver;
