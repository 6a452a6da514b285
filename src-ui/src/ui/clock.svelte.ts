/** One second hand for everything that counts; it stands still while nobody looks. */
import { createSubscriber } from "svelte/reactivity";

const subscribe = createSubscriber((update) => {
  const timer = setInterval(() => {
    if (!document.hidden) update();
  }, 1000);
  return () => clearInterval(timer);
});

/** The time now; a component that reads it is drawn again every second. */
export function now(): number {
  subscribe();
  return Date.now();
}
