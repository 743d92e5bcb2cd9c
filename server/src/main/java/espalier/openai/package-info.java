/** The OpenAI endpoints, with SGLang's extensions. Only this package knows their JSON. */
package espalier.openai;
