/**
 * The message of an assertion on what must never happen, not once: a write that was acknowledged and is gone, two writers of one volume. A test that fails by it has failed, also where its second try in
 * a whole run passes (both count-reporters read it in the error): what chance decides seldom fails twice.
 * It is told of a value alone, not of a promise's `rejects` and `resolves`: Vitest leaves it out where a promise ends the other way.
 */
export const NEVER = 'This must never happen'
