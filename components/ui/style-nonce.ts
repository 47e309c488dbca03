/** The nonce of this page's Content-Security-Policy, as its scripts have it: code may read it, markup and selectors cannot. */
export const styleNonce = (): string => (typeof document === 'undefined' ? '' : (document.querySelector<HTMLScriptElement>('script[nonce]')?.nonce ?? ''))

let given = false

/**
 * Gives the nonce to style elements that code makes from now on: xterm and sonner write some and know no nonce. Whoever can
 * make elements by code runs already; elements that come as markup stay without, and so without effect.
 */
export function giveStylesTheNonce(): void {
  if (given || typeof document === 'undefined') return
  given = true
  document.createElement = new Proxy(document.createElement, {
    apply(create, self, args) {
      const element: unknown = Reflect.apply(create, self, args)
      if (element instanceof HTMLStyleElement) element.nonce = styleNonce()
      return element
    },
  })
}
