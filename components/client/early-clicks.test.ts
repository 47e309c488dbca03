import { createContext, runInContext } from 'node:vm'
import { expect, it } from 'vitest'
import { earlyClicksScript } from './early-clicks'

class FakeElement {
  constructor(private readonly button: object | null) {}
  closest = (selector: string) => (selector === 'button[type=button]' ? this.button : null)
}
type Listener = (event: { target: unknown }) => void

/** A window with what the script asks of one. */
function page() {
  const listeners = new Set<Listener>()
  const window: { takeEarlyClick?: () => object | null } = {}
  runInContext(earlyClicksScript, createContext({
    window, Element: FakeElement,
    addEventListener: (_: string, listener: Listener) => listeners.add(listener),
    removeEventListener: (_: string, listener: Listener) => listeners.delete(listener),
  }))
  return { press: (target: unknown) => { for (const listener of listeners) listener({ target }) }, take: () => window.takeEarlyClick?.() }
}

it('remembers the button that was pressed last before the page listens, and hands it over once', () => {
  const { press, take } = page()
  const [first, last] = [{}, {}]
  press(new FakeElement(first))
  press(new FakeElement(last))
  expect(take()).toBe(last)
  expect(take()).toBe(null)
  press(new FakeElement(first))
  expect(take()).toBe(null)
})

it('a press elsewhere is the last one then', () => {
  const { press, take } = page()
  press(new FakeElement({}))
  press(new FakeElement(null))
  expect(take()).toBe(null)
  expect(page().take()).toBe(null)
})
