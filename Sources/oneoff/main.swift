print("oneoff")
