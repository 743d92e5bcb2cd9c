/** The server as a whole: every endpoint at its path, start, and graceful end. */
package espalier.server;
