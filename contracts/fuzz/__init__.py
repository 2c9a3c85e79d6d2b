"""What a fuzzing run may send, what it expects, what it says. The engine itself is asked in fuzzing.py alone."""
