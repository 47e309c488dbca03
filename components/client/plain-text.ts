/** Characters that turn the direction of text or are not seen: with them a name reads as another (`invoice<U+202E>gpj.sh` as `invoicehs.jpg`). */
const unseen = /[\p{Cc}\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]/gu

/** A name that a stranger gave, with what would make it read as another one written out. */
export const plainName = (name: string): string => name.replace(unseen, (character) => `<U+${character.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0') ?? ''}>`)
