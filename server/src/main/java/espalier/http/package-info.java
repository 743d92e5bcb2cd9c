/**
 * Sockets, requests, routes, server-sent events, JSON. Knows nothing about language models; the HTTP library is known
 * to {@link espalier.http.HttpListener} alone.
 */
package espalier.http;
