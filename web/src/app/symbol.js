/** How the panels of the open symbol reach it. */
import { createContext } from 'preact';
import { useContext } from 'preact/hooks';

export const SymbolContext = createContext(null);

/** The open symbol, see hot/symbol.js. */
export function useSymbol() {
  return useContext(SymbolContext);
}
