/**
 * Runs before all other scripts of a page. What the server rendered is seen, and pressed, before React listens: a press then would be lost without a word. This remembers the button that was pressed
 * last; {@link takeEarlyClick} hands it over, once. Links and forms need no script.
 */
export const earlyClicksScript = `(()=>{${[
  'let last=null',
  "const on=(e)=>{last=e.target instanceof Element?e.target.closest('button[type=button]'):null}",
  "addEventListener('click',on,true)",
  "window.takeEarlyClick=()=>{removeEventListener('click',on,true);const button=last;last=null;return button}",
].join(';')}})()`

declare global {
  interface Window {
    takeEarlyClick?: () => HTMLElement | null
  }
}

/** The button that was pressed last before the page listened; from now on none is remembered. */
export const takeEarlyClick = (): HTMLElement | null => window.takeEarlyClick?.() ?? null
