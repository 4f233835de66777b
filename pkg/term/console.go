package term

// sequences is the bit of a Windows console's mode with which it obeys escape sequences and does not show them
// (ENABLE_VIRTUAL_TERMINAL_PROCESSING).
const sequences = 0x4

// console is one on Windows.
type console interface {
	mode() (uint32, error)
	setMode(mode uint32) error
}

// enable has a console obey escape sequences, and says whether it does. Those of Windows 10 and later can, but most
// shells leave it to the program to ask; older ones refuse.
func enable(c console) bool {
	mode, err := c.mode()
	if err != nil {
		return false
	}
	return mode&sequences != 0 || c.setMode(mode|sequences) == nil
}
