/** What the endpoints share: the model that is served, the requests that are open, and how their fields are read. */
package espalier.serving;
