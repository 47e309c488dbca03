import { inspect } from 'node:util'

const mask = '[secret]'

/**
 * A value that must not be printed: JSON, string conversion and inspection give a mask.
 * Only {@link Secret.reveal} gives the plain text, so that a search for it finds every use.
 */
export class Secret {
  readonly #plain: string
  constructor(plain: string) {
    this.#plain = plain
  }
  /** The plain text. Never put it into arguments, environment, logs or errors. */
  reveal(): string {
    return this.#plain
  }
  toString(): string {
    return mask
  }
  toJSON(): string {
    return mask
  }
  [inspect.custom](): string {
    return mask
  }
}
