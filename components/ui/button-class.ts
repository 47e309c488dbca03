import { cva } from 'class-variance-authority'

/** How a button looks; apart from the component, so that an error page can draw one without loading anything else. */
export const buttonClass = cva(
  'inline-flex shrink-0 select-none items-center justify-center gap-1.5 whitespace-nowrap rounded-md border font-medium transition-colors duration-100 aria-disabled:cursor-not-allowed aria-disabled:opacity-55 [&_svg]:shrink-0',
  {
    variants: {
      variant: {
        primary: 'border-transparent bg-accent-solid text-on-accent not-aria-disabled:hover:bg-accent-solid-hover',
        secondary: 'border-stroke-strong bg-raise text-content not-aria-disabled:hover:bg-hover not-aria-disabled:active:bg-press',
        ghost: 'border-transparent text-soft not-aria-disabled:hover:bg-hover not-aria-disabled:hover:text-content',
        danger: 'border-transparent bg-error-solid text-on-accent not-aria-disabled:hover:brightness-110',
        'danger-ghost': 'border-stroke-strong bg-raise text-error-content not-aria-disabled:hover:bg-error-soft',
      },
      size: {
        sm: 'h-7 px-2 text-xs',
        md: 'h-8 px-3 text-sm',
        lg: 'h-10 px-4 text-base',
      },
    },
    defaultVariants: { variant: 'secondary', size: 'md' },
  },
)
