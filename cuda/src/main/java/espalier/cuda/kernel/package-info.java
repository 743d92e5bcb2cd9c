/** Every CUDA kernel family: its source (a resource beside the class), variants, launch geometry and arguments. */
package espalier.cuda.kernel;
